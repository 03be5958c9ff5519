package objstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Versioning is the state of a bucket's versioning.
type Versioning string

// The states. A bucket never goes back to Unversioned.
const (
	Unversioned Versioning = ""
	Enabled     Versioning = "Enabled"
	Suspended   Versioning = "Suspended"
)

// Bucket is a bucket with its settings. Callers must not change it.
type Bucket struct {
	Name    string
	Account string
	Region  string
	Created time.Time

	Location   string     `json:",omitempty"` // the region's old name, under which the bucket was made: "EU"; "" = Region
	Versioning Versioning `json:",omitempty"`
	Policy     string     `json:",omitempty"` // JSON document; "" = none
	Tags       []Tag      `json:",omitempty"`
	CORS       []CORSRule `json:",omitempty"`
	Lifecycle  []Rule     `json:",omitempty"`
	// TransitionSize is kept for clients that set it with the lifecycle.
	TransitionSize string        `json:",omitempty"`
	Notification   *Notification `json:",omitempty"`
	PublicAccess   *PublicAccess `json:",omitempty"`
	Ownership      string        `json:",omitempty"` // "" = BucketOwnerEnforced
	ACL            *ACL          `json:",omitempty"` // nil = the owner's alone
	Encryption     *Encryption   `json:",omitempty"`
	ObjectLock     *ObjectLock   `json:",omitempty"` // nil = versions cannot be locked
	RequesterPays  bool          `json:",omitempty"` // other accounts must agree to pay for their requests
}

// PublicAccess blocks policies that open a bucket to everyone.
type PublicAccess struct {
	BlockPublicACLs, IgnorePublicACLs, BlockPublicPolicy, RestrictPublicBuckets bool
	Removed                                                                     bool `json:",omitempty"` // the setting was removed; then nothing is blocked
}

// Encryption is the default encryption that a bucket names. Tarn stores it and answers with it; what encrypts the bytes
// is the disk.
type Encryption struct {
	Algorithm string // "AES256", "aws:kms"
	KeyID     string `json:",omitempty"`
	BucketKey bool   `json:",omitempty"`
}

// ARN returns arn:aws:s3:::NAME.
func (b *Bucket) ARN() string { return "arn:aws:s3:::" + b.Name }

// Scope returns where the bucket is.
func (b *Bucket) Scope() ident.Scope { return ident.Scope{Account: b.Account, Region: b.Region} }

// bucketState is a bucket in memory. Its mutex is held for reading by writers of objects.
type bucketState struct {
	mu  sync.RWMutex // guards the fields below
	bk  *Bucket      // nil once it is deleted
	row []byte       // as it is stored
}

func (s *Store) loadBuckets(ctx context.Context) error {
	for it, err := range s.kv.Scan(ctx, kv.Prefix(bucketKey("")[:1])) {
		if err != nil {
			return fmt.Errorf("read buckets: %w", mapError(err))
		}
		bk := &Bucket{}
		if err := json.Unmarshal(it.Value, bk); err != nil {
			return fmt.Errorf("%w: bucket at %q: %w", ErrCorrupt, it.Key, err)
		}
		s.buckets[bk.Name] = &bucketState{bk: bk, row: slices.Clone(it.Value)}
	}
	return nil
}

// hold returns a bucket with its lock held for reading.
func (s *Store) hold(name string) (*bucketState, *Bucket, error) {
	s.mu.RLock()
	st := s.buckets[name]
	s.mu.RUnlock()
	if st != nil {
		st.mu.RLock()
		if st.bk != nil {
			return st, st.bk, nil
		}
		st.mu.RUnlock()
	}
	return nil, nil, fmt.Errorf("%w: %s", ErrNoSuchBucket, name)
}

// Bucket returns the bucket of that name or ErrNoSuchBucket.
func (s *Store) Bucket(_ context.Context, name string) (*Bucket, error) {
	st, bk, err := s.hold(name)
	if err != nil {
		return nil, err
	}
	st.mu.RUnlock()
	return bk, nil
}

// Buckets returns the buckets of an account whose names start with prefix and come after the name after, in order, at
// most limit (0 = all). region "" stands for all regions.
func (s *Store) Buckets(_ context.Context, account, region, prefix, after string, limit int) (list []*Bucket, more bool) {
	s.mu.RLock()
	states := make([]*bucketState, 0, len(s.buckets))
	for _, st := range s.buckets {
		states = append(states, st)
	}
	s.mu.RUnlock()
	for _, st := range states {
		st.mu.RLock()
		bk := st.bk
		st.mu.RUnlock()
		if bk != nil && bk.Account == account && (region == "" || bk.Region == region) && strings.HasPrefix(bk.Name, prefix) && bk.Name > after {
			list = append(list, bk)
		}
	}
	slices.SortFunc(list, func(a, b *Bucket) int { return strings.Compare(a.Name, b.Name) })
	if limit > 0 && len(list) > limit {
		return list[:limit], true
	}
	return list, false
}

// CreateBucket makes a bucket. Names are one space for all accounts and regions. It returns ErrBucketOwnedByYou with the
// bucket that the account has already, ErrBucketExists or ErrInvalidBucketName.
func (s *Store) CreateBucket(ctx context.Context, scope ident.Scope, name string) (*Bucket, error) {
	return s.CreateBucketWith(ctx, scope, name, func(*Bucket) {})
}

// CreateBucketWith makes a bucket whose settings set fills in: it is there with all of them or not at all.
func (s *Store) CreateBucketWith(ctx context.Context, scope ident.Scope, name string, set func(*Bucket)) (*Bucket, error) {
	if err := checkBucketName(name); err != nil {
		return nil, err
	}
	bk := &Bucket{Name: name, Account: scope.Account, Region: scope.Region, Created: s.clock.Now().UTC().Truncate(time.Second)}
	set(bk)
	row, err := json.Marshal(bk)
	if err != nil {
		return nil, err
	}
	p, old, err := s.addBucket(ctx, bk, row)
	if err != nil {
		return old, err
	}
	return bk, mapError(p.Wait(ctx))
}

func (s *Store) addBucket(ctx context.Context, bk *Bucket, row []byte) (kv.Pending, *Bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.buckets[bk.Name]; st != nil {
		st.mu.RLock()
		old := st.bk
		st.mu.RUnlock()
		if old != nil && old.Account == bk.Account {
			return nil, old, fmt.Errorf("%w: %s", ErrBucketOwnedByYou, bk.Name)
		}
		if old != nil {
			return nil, nil, fmt.Errorf("%w: %s", ErrBucketExists, bk.Name)
		}
	}
	if len(s.buckets) >= s.max {
		n := 0
		for _, st := range s.buckets {
			st.mu.RLock()
			if st.bk != nil && st.bk.Account == bk.Account {
				n++
			}
			st.mu.RUnlock()
		}
		if n >= s.max {
			return nil, nil, fmt.Errorf("%w: %d", ErrTooManyBuckets, s.max)
		}
	}
	var b kv.Batch
	b.IfAbsent(bucketKey(bk.Name))
	b.Set(bucketKey(bk.Name), row)
	p, err := s.kv.Apply(ctx, &b)
	if errors.Is(err, kv.ErrConflict) {
		return nil, nil, fmt.Errorf("%w: %s", ErrBucketExists, bk.Name)
	}
	if err != nil {
		return nil, nil, mapError(err)
	}
	s.buckets[bk.Name] = &bucketState{bk: bk, row: row}
	return p, nil, nil
}

// DeleteBucket removes an empty bucket: one without any version. Uploads in progress are aborted.
func (s *Store) DeleteBucket(ctx context.Context, name string) error {
	p, err := s.removeBucket(ctx, name)
	if err != nil {
		return err
	}
	return mapError(p.Wait(ctx))
}

func (s *Store) removeBucket(ctx context.Context, name string) (kv.Pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.buckets[name]
	if st == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoSuchBucket, name)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.bk == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoSuchBucket, name)
	}
	for _, err := range s.kv.Scan(ctx, kv.Prefix(currentPrefix(name))) {
		if err != nil {
			return nil, mapError(err)
		}
		if st.bk.Versioning != Unversioned {
			return nil, fmt.Errorf("%w: the bucket you tried to delete is not empty. You must delete all versions in the bucket.", ErrBucketNotEmpty)
		}
		return nil, fmt.Errorf("%w: the bucket you tried to delete is not empty", ErrBucketNotEmpty)
	}
	var b kv.Batch
	b.IfEqual(bucketKey(name), st.row)
	b.Delete(bucketKey(name))
	for it, err := range s.kv.Scan(ctx, kv.Prefix(uploadPrefix(name))) {
		if err != nil {
			return nil, mapError(err)
		}
		var u upload
		if err := json.Unmarshal(it.Value, &u); err != nil {
			return nil, fmt.Errorf("%w: upload at %q", ErrCorrupt, it.Key)
		}
		if err := s.dropUpload(ctx, &b, &u); err != nil {
			return nil, err
		}
	}
	p, err := s.kv.Apply(ctx, &b)
	if err != nil {
		return nil, mapError(err)
	}
	st.bk = nil
	delete(s.buckets, name)
	return p, nil
}

// Update changes the settings of a bucket: set gets a copy and changes it. An error of set changes nothing.
func (s *Store) Update(ctx context.Context, name string, set func(*Bucket) error) error {
	p, err := s.update(ctx, name, func(bk *Bucket, _ *kv.Batch) error { return set(bk) })
	if err != nil {
		return err
	}
	return mapError(p.Wait(ctx))
}

func (s *Store) update(ctx context.Context, name string, set func(*Bucket, *kv.Batch) error) (kv.Pending, error) {
	s.mu.RLock()
	st := s.buckets[name]
	s.mu.RUnlock()
	if st == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoSuchBucket, name)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.bk == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoSuchBucket, name)
	}
	bk := *st.bk
	var b kv.Batch
	if err := set(&bk, &b); err != nil {
		return nil, err
	}
	row, err := json.Marshal(&bk)
	if err != nil {
		return nil, err
	}
	b.IfEqual(bucketKey(name), st.row)
	b.Set(bucketKey(name), row)
	p, err := s.kv.Apply(ctx, &b)
	if err != nil {
		return nil, mapError(err)
	}
	st.bk, st.row = &bk, row
	return p, nil
}

// checkBucketName applies the rules of general purpose buckets.
func checkBucketName(name string) error {
	bad := func(why string) error { return fmt.Errorf("%w: %q: %s", ErrInvalidBucketName, name, why) }
	if n := len(name); n < 3 || n > 63 {
		return bad("a name has 3 to 63 characters")
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '.' {
			return bad("a name has lower-case letters, digits, dots and hyphens")
		}
		if !letter && (i == 0 || i == len(name)-1) {
			return bad("a name begins and ends with a letter or digit")
		}
	}
	if strings.Contains(name, "..") {
		return bad("a name has no two dots side by side")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return bad("a name is not an IP address")
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, p) {
			return bad("names with the prefix " + p + " are reserved")
		}
	}
	for _, p := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, p) {
			return bad("names with the suffix " + p + " are reserved")
		}
	}
	return nil
}
