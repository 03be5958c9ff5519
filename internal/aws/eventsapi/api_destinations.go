package eventsapi

import (
	"context"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/connection"
)

// ofDestination returns the ARN of an API destination for the policies; that of one which does not exist yet ends with *.
func ofDestination[In any](a *api, name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		n := name(in)
		if x, _, err := a.connections.Destination(connection.Ref{Scope: c.Scope, Name: n}); err == nil {
			return []string{x.ARN()}
		}
		return []string{c.ARN("events", "api-destination/"+n+"/*")}
	}
}

func activity(active bool) *ApiDestinationState {
	if active {
		return new(ApiDestinationState_ACTIVE)
	}
	return new(ApiDestinationState_INACTIVE)
}

func (a *api) createDestination(ctx context.Context, c *protocol.Call, in *CreateApiDestinationRequest) (*CreateApiDestinationResponse, error) {
	d, err := a.connections.CreateDestination(ctx, connection.Destination{
		Ref: connection.Ref{Scope: c.Scope, Name: in.Name}, Description: protocol.Or(in.Description, ""), Connection: in.ConnectionArn, Endpoint: in.InvocationEndpoint,
		Method: string(in.HttpMethod), Rate: int(protocol.Or(in.InvocationRateLimitPerSecond, 0)),
	})
	if err != nil {
		return nil, err
	}
	return &CreateApiDestinationResponse{ApiDestinationArn: new(d.ARN()), ApiDestinationState: activity(a.connections.Active(d)), CreationTime: &d.Created, LastModifiedTime: &d.Modified}, nil
}

func (a *api) updateDestination(ctx context.Context, c *protocol.Call, in *UpdateApiDestinationRequest) (*UpdateApiDestinationResponse, error) {
	d, err := a.connections.UpdateDestination(ctx, connection.Ref{Scope: c.Scope, Name: in.Name}, func(d *connection.Destination) {
		d.Description = protocol.Or(in.Description, d.Description)
		d.Connection = protocol.Or(in.ConnectionArn, d.Connection)
		d.Endpoint = protocol.Or(in.InvocationEndpoint, d.Endpoint)
		d.Method = string(protocol.Or(in.HttpMethod, ApiDestinationHttpMethod(d.Method)))
		d.Rate = int(protocol.Or(in.InvocationRateLimitPerSecond, int32(d.Rate)))
	})
	if err != nil {
		return nil, err
	}
	return &UpdateApiDestinationResponse{ApiDestinationArn: new(d.ARN()), ApiDestinationState: activity(a.connections.Active(d)), CreationTime: &d.Created, LastModifiedTime: &d.Modified}, nil
}

func (a *api) deleteDestination(ctx context.Context, c *protocol.Call, in *DeleteApiDestinationRequest) (*DeleteApiDestinationResponse, error) {
	return &DeleteApiDestinationResponse{}, a.connections.DeleteDestination(ctx, connection.Ref{Scope: c.Scope, Name: in.Name})
}

func (a *api) describeDestination(_ context.Context, c *protocol.Call, in *DescribeApiDestinationRequest) (*DescribeApiDestinationResponse, error) {
	d, active, err := a.connections.Destination(connection.Ref{Scope: c.Scope, Name: in.Name})
	if err != nil {
		return nil, err
	}
	return &DescribeApiDestinationResponse{
		ApiDestinationArn: new(d.ARN()), Name: &d.Name, Description: protocol.Some(d.Description), ApiDestinationState: activity(active), ConnectionArn: &d.Connection,
		InvocationEndpoint: &d.Endpoint, HttpMethod: new(ApiDestinationHttpMethod(d.Method)), InvocationRateLimitPerSecond: new(int32(d.Rate)), CreationTime: &d.Created,
		LastModifiedTime: &d.Modified,
	}, nil
}

func (a *api) listDestinations(_ context.Context, c *protocol.Call, in *ListApiDestinationsRequest) (*ListApiDestinationsResponse, error) {
	prefix, arn := protocol.Or(in.NamePrefix, ""), protocol.Or(in.ConnectionArn, "")
	list, next := a.connections.Destinations(c.Scope, func(d connection.Destination) bool {
		return strings.HasPrefix(d.Name, prefix) && (arn == "" || d.Connection == arn)
	}, after(in.NextToken), page(in.Limit))
	out := &ListApiDestinationsResponse{ApiDestinations: []ApiDestination{}, NextToken: token(next)}
	for _, d := range list {
		out.ApiDestinations = append(out.ApiDestinations, ApiDestination{
			ApiDestinationArn: new(d.ARN()), Name: new(d.Name), ApiDestinationState: activity(a.connections.Active(d)), ConnectionArn: new(d.Connection), InvocationEndpoint: new(d.Endpoint),
			HttpMethod: new(ApiDestinationHttpMethod(d.Method)), InvocationRateLimitPerSecond: new(int32(d.Rate)), CreationTime: new(d.Created), LastModifiedTime: new(d.Modified),
		})
	}
	return out, nil
}
