package s3api

import (
	"context"
	"net/http"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) lockOps() []protocol.Op {
	return []protocol.Op{
		onBucket(a, "PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration", func(in *PutObjectLockConfigurationRequest) string { return in.Bucket }, a.putObjectLock),
		onBucket(a, "GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", func(in *GetObjectLockConfigurationRequest) string { return in.Bucket }, a.getObjectLock),
		onObject(a, "PutObjectRetention", "", func(in *PutObjectRetentionRequest) (string, string) { return in.Bucket, in.Key }, a.putRetention),
		onObject(a, "GetObjectRetention", "", func(in *GetObjectRetentionRequest) (string, string) { return in.Bucket, in.Key }, a.getRetention),
		onObject(a, "PutObjectLegalHold", "", func(in *PutObjectLegalHoldRequest) (string, string) { return in.Bucket, in.Key }, a.putLegalHold),
		onObject(a, "GetObjectLegalHold", "", func(in *GetObjectLegalHoldRequest) (string, string) { return in.Bucket, in.Key }, a.getLegalHold),
	}
}

func (a *api) putObjectLock(ctx context.Context, c *call, in *PutObjectLockConfigurationRequest) (*PutObjectLockConfigurationOutput, error) {
	conf := in.ObjectLockConfiguration
	if conf == nil || str(conf.ObjectLockEnabled) != "Enabled" {
		return nil, malformed()
	}
	var l objstore.ObjectLock
	if conf.Rule != nil {
		d := conf.Rule.DefaultRetention
		if d == nil || d.Mode == nil || (d.Days == nil) == (d.Years == nil) {
			return nil, malformed()
		}
		l = objstore.ObjectLock{Mode: objstore.Retention(*d.Mode), Days: int(deref(d.Days)), Years: int(deref(d.Years))}
		if l.Days <= 0 && l.Years <= 0 {
			return nil, invalid("Default retention period must be a positive integer value.")
		}
		if l.Days > 36500 || l.Years > 100 {
			return nil, invalid("Default retention period too large.")
		}
	}
	return &PutObjectLockConfigurationOutput{}, a.store.SetObjectLock(ctx, in.Bucket, l)
}

func (a *api) getObjectLock(_ context.Context, c *call, _ *GetObjectLockConfigurationRequest) (*GetObjectLockConfigurationOutput, error) {
	l := c.bk.ObjectLock
	if l == nil {
		return nil, absent("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
	}
	conf := &ObjectLockConfiguration{ObjectLockEnabled: ptr(ObjectLockEnabled_Enabled)}
	if l.Mode != "" {
		d := &DefaultRetention{Mode: ptr(ObjectLockRetentionMode(l.Mode))}
		if l.Days > 0 {
			d.Days = ptr(int32(l.Days))
		} else {
			d.Years = ptr(int32(l.Years))
		}
		conf.Rule = &ObjectLockRule{DefaultRetention: d}
	}
	return &GetObjectLockConfigurationOutput{ObjectLockConfiguration: conf}, nil
}

func (a *api) putRetention(ctx context.Context, c *call, in *PutObjectRetentionRequest) (*PutObjectRetentionOutput, error) {
	r := in.Retention
	if r == nil || (r.Mode == nil) != (r.RetainUntilDate == nil) {
		return nil, malformed()
	}
	bypass, err := c.bypass(ctx, in.BypassGovernanceRetention, in.Key)
	if err != nil {
		return nil, err
	}
	err = a.store.SetRetention(ctx, in.Bucket, in.Key, str(in.VersionId), objstore.Retention(str(r.Mode)), deref(r.RetainUntilDate), bypass)
	return &PutObjectRetentionOutput{}, err
}

func (a *api) getRetention(ctx context.Context, c *call, in *GetObjectRetentionRequest) (*GetObjectRetentionOutput, error) {
	o, err := a.lockedObject(ctx, c, in.Key, str(in.VersionId))
	if err != nil {
		return nil, err
	}
	if o.Lock.Mode == "" {
		return nil, unlocked()
	}
	return &GetObjectRetentionOutput{Retention: &ObjectLockRetention{Mode: ptr(ObjectLockRetentionMode(o.Lock.Mode)), RetainUntilDate: &o.Lock.Until}}, nil
}

func (a *api) putLegalHold(ctx context.Context, _ *call, in *PutObjectLegalHoldRequest) (*PutObjectLegalHoldOutput, error) {
	if in.LegalHold == nil || in.LegalHold.Status == nil {
		return nil, malformed()
	}
	err := a.store.SetLegalHold(ctx, in.Bucket, in.Key, str(in.VersionId), objstore.LegalHold(*in.LegalHold.Status))
	return &PutObjectLegalHoldOutput{}, err
}

func (a *api) getLegalHold(ctx context.Context, c *call, in *GetObjectLegalHoldRequest) (*GetObjectLegalHoldOutput, error) {
	o, err := a.lockedObject(ctx, c, in.Key, str(in.VersionId))
	if err != nil {
		return nil, err
	}
	if o.Lock.Hold == "" {
		return nil, unlocked()
	}
	return &GetObjectLegalHoldOutput{LegalHold: &ObjectLockLegalHold{Status: ptr(ObjectLockLegalHoldStatus(o.Lock.Hold))}}, nil
}

// lockedObject returns a version of a bucket whose versions may be locked.
func (a *api) lockedObject(ctx context.Context, c *call, key, version string) (*objstore.Object, error) {
	o, err := a.store.Head(ctx, c.bk.Name, key, version)
	if err != nil {
		return nil, onMarker(o, err)
	}
	if c.bk.ObjectLock == nil {
		return nil, refuse("InvalidRequest", http.StatusBadRequest, "Bucket is missing Object Lock Configuration")
	}
	return o, nil
}

func unlocked() error {
	return refuse("NoSuchObjectLockConfiguration", http.StatusNotFound, "The specified object does not have a ObjectLock configuration")
}

// bypass reports whether a request wants governance to be bypassed and may do that.
func (c *call) bypass(ctx context.Context, asked *bool, key string) (bool, error) {
	if asked == nil {
		return false, nil
	}
	if c.bk.ObjectLock == nil {
		e := invalid("x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
		e.Members = map[string]any{"ArgumentName": "x-amz-bypass-governance-retention"}
		return false, e
	}
	if !*asked {
		return false, nil
	}
	return c.Allowed(ctx, protocol.Access{Action: "s3:BypassGovernanceRetention", Resource: objectARN(c.bk.Name, key)}) == nil, nil
}

// lock reads the lock that the headers of a new object ask for.
func lock(mode *string, until *time.Time, hold *ObjectLockLegalHoldStatus) (l objstore.Lock, err error) {
	missing := func(name string) error {
		e := invalid("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
		e.Members = map[string]any{"ArgumentName": name}
		return e
	}
	switch {
	case mode != nil && until == nil:
		return l, missing("x-amz-object-lock-retain-until-date")
	case mode == nil && until != nil:
		return l, missing("x-amz-object-lock-mode")
	case mode != nil && *mode != string(objstore.Governance) && *mode != string(objstore.Compliance):
		return l, argument("x-amz-object-lock-mode", *mode, "Unknown wormMode directive.")
	}
	l.Mode, l.Hold = objstore.Retention(str(mode)), objstore.LegalHold(str(hold))
	if until != nil {
		l.Until = until.UTC().Truncate(time.Millisecond)
	}
	return l, nil
}

// lockAccess asks for the rights to lock a new object.
func lockAccess(mode *string, hold *ObjectLockLegalHoldStatus, bucket, key string) (list []protocol.Access) {
	if mode != nil {
		list = append(list, protocol.Access{Action: "s3:PutObjectRetention", Resource: objectARN(bucket, key)})
	}
	if hold != nil {
		list = append(list, protocol.Access{Action: "s3:PutObjectLegalHold", Resource: objectARN(bucket, key)})
	}
	return list
}

// lockHeaders tell about the lock of an object those who may ask for it.
func (c *call) lockHeaders(ctx context.Context, h http.Header, o *objstore.Object) {
	may := func(action string) bool {
		return c.Allowed(ctx, protocol.Access{Action: action, Resource: objectARN(o.Bucket, o.Key)}) == nil
	}
	if l := &o.Lock; l.Mode != "" && may("s3:GetObjectRetention") {
		h["X-Amz-Object-Lock-Mode"] = []string{string(l.Mode)}
		h["X-Amz-Object-Lock-Retain-Until-Date"] = []string{l.Until.Format("2006-01-02T15:04:05.000Z")}
	}
	if o.Lock.Hold != "" && may("s3:GetObjectLegalHold") {
		h["X-Amz-Object-Lock-Legal-Hold"] = []string{string(o.Lock.Hold)}
	}
}
