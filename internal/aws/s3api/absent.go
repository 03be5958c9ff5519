package s3api

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
)

// absentOps are reads and removals of settings that Tarn does not have. They are answered as for a bucket that was never set
// up for them, which is what tools ask that compare a bucket with its description; to set them is refused by name.
func (a *api) absentOps() []protocol.Op {
	return []protocol.Op{
		onBucket(a, "GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration", func(in *GetBucketAccelerateConfigurationRequest) string { return in.Bucket }, a.getAccelerate),
		onBucket(a, "GetBucketLogging", "", func(in *GetBucketLoggingRequest) string { return in.Bucket }, a.getLogging),
		onBucket(a, "GetBucketReplication", "s3:GetReplicationConfiguration", func(in *GetBucketReplicationRequest) string { return in.Bucket }, a.getReplication),
		onBucket(a, "GetBucketWebsite", "", func(in *GetBucketWebsiteRequest) string { return in.Bucket }, a.getWebsite),
		onBucket(a, "DeleteBucketReplication", "s3:PutReplicationConfiguration", func(in *DeleteBucketReplicationRequest) string { return in.Bucket }, removed[DeleteBucketReplicationRequest]),
		onBucket(a, "DeleteBucketWebsite", "", func(in *DeleteBucketWebsiteRequest) string { return in.Bucket }, removed[DeleteBucketWebsiteRequest]),

		onBucket(a, "GetBucketAnalyticsConfiguration", "s3:GetAnalyticsConfiguration", func(in *GetBucketAnalyticsConfigurationRequest) string { return in.Bucket }, missing[GetBucketAnalyticsConfigurationRequest, GetBucketAnalyticsConfigurationOutput]),
		onBucket(a, "ListBucketAnalyticsConfigurations", "s3:GetAnalyticsConfiguration", func(in *ListBucketAnalyticsConfigurationsRequest) string { return in.Bucket },
			func(context.Context, *call, *ListBucketAnalyticsConfigurationsRequest) (*ListBucketAnalyticsConfigurationsOutput, error) {
				return &ListBucketAnalyticsConfigurationsOutput{IsTruncated: ptr(false)}, nil
			}),
		onBucket(a, "DeleteBucketAnalyticsConfiguration", "s3:PutAnalyticsConfiguration", func(in *DeleteBucketAnalyticsConfigurationRequest) string { return in.Bucket }, missing[DeleteBucketAnalyticsConfigurationRequest, none]),
		onBucket(a, "GetBucketIntelligentTieringConfiguration", "s3:GetIntelligentTieringConfiguration", func(in *GetBucketIntelligentTieringConfigurationRequest) string { return in.Bucket }, missing[GetBucketIntelligentTieringConfigurationRequest, GetBucketIntelligentTieringConfigurationOutput]),
		onBucket(a, "ListBucketIntelligentTieringConfigurations", "s3:GetIntelligentTieringConfiguration", func(in *ListBucketIntelligentTieringConfigurationsRequest) string { return in.Bucket },
			func(context.Context, *call, *ListBucketIntelligentTieringConfigurationsRequest) (*ListBucketIntelligentTieringConfigurationsOutput, error) {
				return &ListBucketIntelligentTieringConfigurationsOutput{IsTruncated: ptr(false)}, nil
			}),
		onBucket(a, "DeleteBucketIntelligentTieringConfiguration", "s3:PutIntelligentTieringConfiguration", func(in *DeleteBucketIntelligentTieringConfigurationRequest) string { return in.Bucket }, missing[DeleteBucketIntelligentTieringConfigurationRequest, none]),
		onBucket(a, "GetBucketInventoryConfiguration", "s3:GetInventoryConfiguration", func(in *GetBucketInventoryConfigurationRequest) string { return in.Bucket }, missing[GetBucketInventoryConfigurationRequest, GetBucketInventoryConfigurationOutput]),
		onBucket(a, "ListBucketInventoryConfigurations", "s3:GetInventoryConfiguration", func(in *ListBucketInventoryConfigurationsRequest) string { return in.Bucket },
			func(context.Context, *call, *ListBucketInventoryConfigurationsRequest) (*ListBucketInventoryConfigurationsOutput, error) {
				return &ListBucketInventoryConfigurationsOutput{IsTruncated: ptr(false)}, nil
			}),
		onBucket(a, "DeleteBucketInventoryConfiguration", "s3:PutInventoryConfiguration", func(in *DeleteBucketInventoryConfigurationRequest) string { return in.Bucket }, missing[DeleteBucketInventoryConfigurationRequest, none]),
		onBucket(a, "GetBucketMetricsConfiguration", "s3:GetMetricsConfiguration", func(in *GetBucketMetricsConfigurationRequest) string { return in.Bucket }, missing[GetBucketMetricsConfigurationRequest, GetBucketMetricsConfigurationOutput]),
		onBucket(a, "ListBucketMetricsConfigurations", "s3:GetMetricsConfiguration", func(in *ListBucketMetricsConfigurationsRequest) string { return in.Bucket },
			func(context.Context, *call, *ListBucketMetricsConfigurationsRequest) (*ListBucketMetricsConfigurationsOutput, error) {
				return &ListBucketMetricsConfigurationsOutput{IsTruncated: ptr(false)}, nil
			}),
		onBucket(a, "DeleteBucketMetricsConfiguration", "s3:PutMetricsConfiguration", func(in *DeleteBucketMetricsConfigurationRequest) string { return in.Bucket }, missing[DeleteBucketMetricsConfigurationRequest, none]),
	}
}

// removed answers the removal of what is not there.
func removed[In any](context.Context, *call, *In) (*none, error) { return &none{}, nil }

// missing answers a request about one of the settings that a bucket has several of, by their ids.
func missing[In, Out any](context.Context, *call, *In) (*Out, error) {
	return nil, absent("NoSuchConfiguration", "The specified configuration does not exist.")
}

func (a *api) getAccelerate(context.Context, *call, *GetBucketAccelerateConfigurationRequest) (*GetBucketAccelerateConfigurationOutput, error) {
	return &GetBucketAccelerateConfigurationOutput{}, nil
}

func (a *api) getLogging(context.Context, *call, *GetBucketLoggingRequest) (*GetBucketLoggingOutput, error) {
	return &GetBucketLoggingOutput{}, nil
}

func (a *api) getReplication(_ context.Context, c *call, _ *GetBucketReplicationRequest) (*GetBucketReplicationOutput, error) {
	return nil, absent("ReplicationConfigurationNotFoundError", "The replication configuration was not found")
}

func (a *api) getWebsite(_ context.Context, c *call, _ *GetBucketWebsiteRequest) (*GetBucketWebsiteOutput, error) {
	return nil, absent("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
}
