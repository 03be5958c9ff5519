package sqsapi

// QueueAttributeName is the name of an attribute of a queue. The model leaves names open, so that those that are unknown get the
// service's own answer.
type QueueAttributeName string

// The attributes of queues; All stands for each of them.
const (
	QueueAttributeName_All                                   QueueAttributeName = "All"
	QueueAttributeName_Policy                                QueueAttributeName = "Policy"
	QueueAttributeName_VisibilityTimeout                     QueueAttributeName = "VisibilityTimeout"
	QueueAttributeName_MaximumMessageSize                    QueueAttributeName = "MaximumMessageSize"
	QueueAttributeName_MessageRetentionPeriod                QueueAttributeName = "MessageRetentionPeriod"
	QueueAttributeName_ApproximateNumberOfMessages           QueueAttributeName = "ApproximateNumberOfMessages"
	QueueAttributeName_ApproximateNumberOfMessagesNotVisible QueueAttributeName = "ApproximateNumberOfMessagesNotVisible"
	QueueAttributeName_CreatedTimestamp                      QueueAttributeName = "CreatedTimestamp"
	QueueAttributeName_LastModifiedTimestamp                 QueueAttributeName = "LastModifiedTimestamp"
	QueueAttributeName_QueueArn                              QueueAttributeName = "QueueArn"
	QueueAttributeName_ApproximateNumberOfMessagesDelayed    QueueAttributeName = "ApproximateNumberOfMessagesDelayed"
	QueueAttributeName_DelaySeconds                          QueueAttributeName = "DelaySeconds"
	QueueAttributeName_ReceiveMessageWaitTimeSeconds         QueueAttributeName = "ReceiveMessageWaitTimeSeconds"
	QueueAttributeName_RedrivePolicy                         QueueAttributeName = "RedrivePolicy"
	QueueAttributeName_FifoQueue                             QueueAttributeName = "FifoQueue"
	QueueAttributeName_ContentBasedDeduplication             QueueAttributeName = "ContentBasedDeduplication"
	QueueAttributeName_KmsMasterKeyId                        QueueAttributeName = "KmsMasterKeyId"
	QueueAttributeName_KmsDataKeyReusePeriodSeconds          QueueAttributeName = "KmsDataKeyReusePeriodSeconds"
	QueueAttributeName_DeduplicationScope                    QueueAttributeName = "DeduplicationScope"
	QueueAttributeName_FifoThroughputLimit                   QueueAttributeName = "FifoThroughputLimit"
	QueueAttributeName_RedriveAllowPolicy                    QueueAttributeName = "RedriveAllowPolicy"
	QueueAttributeName_SqsManagedSseEnabled                  QueueAttributeName = "SqsManagedSseEnabled"
)

// traceHeader is the system attribute that a sender may give.
const traceHeader = "AWSTraceHeader"
