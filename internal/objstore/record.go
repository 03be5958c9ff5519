package objstore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
)

// The row of a version; see docs/formats/objstore.md.
const (
	recordFormat = 1

	flagMarker    = 1 << 0
	flagNull      = 1 << 1
	flagInline    = 1 << 2
	flagMultipart = 1 << 3

	fieldCacheControl = 2
	fieldDisposition  = 3
	fieldEncoding     = 4
	fieldLanguage     = 5
	fieldExpires      = 6
	fieldRedirect     = 7
	fieldClass        = 8
	fieldUser         = 9
	fieldTag          = 10
	fieldChecksum     = 11
	fieldPart         = 12
	fieldEncryption   = 13
	fieldRetention    = 14
	fieldHold         = 15
	fieldACL          = 16
)

// errRecord is wrapped by the error of a row that cannot be decoded.
var errRecord = errors.New("malformed object record")

func (o *Object) encode() []byte {
	b := make([]byte, 0, 128)
	var flags byte
	if o.DeleteMarker {
		flags |= flagMarker
	}
	if o.Version == NullVersion {
		flags |= flagNull
	}
	if o.inline {
		flags |= flagInline
	}
	sum, parts, multipart := strings.Cut(o.ETag, "-")
	if multipart {
		flags |= flagMultipart
	}
	b = append(b, recordFormat, flags)
	b = binary.BigEndian.AppendUint64(b, o.seq)
	if flags&flagNull == 0 {
		b = append(b, o.random[:]...)
	}
	b = binary.AppendUvarint(b, uint64(o.ModTime.UnixMilli()))
	b = appendText(b, o.Owner)
	if o.DeleteMarker {
		return b
	}
	b = binary.AppendUvarint(b, uint64(o.Size))
	md, err := hex.DecodeString(sum)
	if err != nil || len(md) != 16 {
		panic("BUG: ETag " + o.ETag)
	}
	b = append(b, md...)
	if multipart {
		n, err := strconv.ParseUint(parts, 10, 32)
		if err != nil {
			panic("BUG: ETag " + o.ETag)
		}
		b = binary.AppendUvarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(o.segments)))
	for _, s := range o.segments {
		b = appendText(b, string(s.ID))
		b = binary.AppendUvarint(b, uint64(s.Size))
	}
	m := &o.Metadata
	b = appendText(b, m.ContentType)
	for _, f := range [...]struct {
		tag  byte
		text string
	}{
		{fieldCacheControl, m.CacheControl}, {fieldDisposition, m.ContentDisposition}, {fieldEncoding, m.ContentEncoding},
		{fieldLanguage, m.ContentLanguage}, {fieldExpires, m.Expires}, {fieldRedirect, m.WebsiteRedirect},
		{fieldClass, m.StorageClass}, {fieldEncryption, m.Encryption},
	} {
		if f.text != "" {
			b = appendText(append(b, f.tag), f.text)
		}
	}
	for k, v := range m.User {
		b = appendText(appendText(append(b, fieldUser), k), v)
	}
	for _, t := range o.Tags {
		b = appendText(appendText(append(b, fieldTag), t.Key), t.Value)
	}
	if o.Checksum.Algorithm != "" {
		b = appendChecksum(append(b, fieldChecksum), o.Checksum)
	}
	for _, p := range o.Parts {
		b = binary.AppendUvarint(append(b, fieldPart), uint64(p.Number))
		b = binary.AppendUvarint(b, uint64(p.Size))
		b = appendChecksum(b, p.Checksum)
	}
	if l := &o.Lock; l.Mode != "" {
		b = appendText(append(b, fieldRetention), string(l.Mode))
		b = binary.AppendUvarint(b, uint64(l.Until.UnixMilli()))
	}
	if h := o.Lock.Hold; h != "" {
		b = appendText(append(b, fieldHold), string(h))
	}
	if o.ACL != nil {
		b = binary.AppendUvarint(append(b, fieldACL), uint64(len(o.ACL.Grants)))
		for _, g := range o.ACL.Grants {
			b = appendText(appendText(appendText(b, g.User), g.Group), g.Permission)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendChecksum(b []byte, c Checksum) []byte {
	return appendText(appendText(appendText(b, string(c.Algorithm)), string(c.Type)), c.Value)
}

// decodeObject reads the row of a version of bucket and name.
func decodeObject(bucket, name string, row []byte) (*Object, error) {
	o := &Object{Bucket: bucket, Key: name}
	d := decoder{b: row}
	if f := d.byte(); f != recordFormat {
		return nil, fmt.Errorf("%w of %s/%s: format %d", errRecord, bucket, name, f)
	}
	flags := d.byte()
	o.seq = d.fixed()
	if flags&flagNull != 0 {
		o.Version = NullVersion
	} else {
		copy(o.random[:], d.take(len(o.random)))
		o.Version = versionID(o.seq, o.random)
	}
	o.ModTime = time.UnixMilli(int64(d.uvarint())).UTC()
	o.Owner = d.text()
	if o.DeleteMarker = flags&flagMarker != 0; !o.DeleteMarker {
		o.inline = flags&flagInline != 0
		d.content(o, flags)
	}
	if d.bad || len(d.b) != 0 {
		return nil, fmt.Errorf("%w of %s/%s: %d bytes", errRecord, bucket, name, len(row))
	}
	return o, nil
}

func (d *decoder) content(o *Object, flags byte) {
	o.Size = int64(d.uvarint())
	var etag [48]byte
	e := hex.AppendEncode(etag[:0], d.take(16))
	if flags&flagMultipart != 0 {
		e = strconv.AppendUint(append(e, '-'), d.uvarint(), 10)
	}
	o.ETag = string(e)
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		id := blob.ID(d.text())
		o.segments = append(o.segments, segment{id, int64(d.uvarint())})
	}
	m := &o.Metadata
	m.ContentType = d.text()
	for len(d.b) > 0 && !d.bad {
		switch tag := d.byte(); tag {
		case fieldCacheControl:
			m.CacheControl = d.text()
		case fieldDisposition:
			m.ContentDisposition = d.text()
		case fieldEncoding:
			m.ContentEncoding = d.text()
		case fieldLanguage:
			m.ContentLanguage = d.text()
		case fieldExpires:
			m.Expires = d.text()
		case fieldRedirect:
			m.WebsiteRedirect = d.text()
		case fieldClass:
			m.StorageClass = d.text()
		case fieldEncryption:
			m.Encryption = d.text()
		case fieldUser:
			if m.User == nil {
				m.User = map[string]string{}
			}
			k := d.text()
			m.User[k] = d.text()
		case fieldTag:
			k := d.text()
			o.Tags = append(o.Tags, Tag{k, d.text()})
		case fieldChecksum:
			o.Checksum = d.checksum()
		case fieldPart:
			p := Part{Number: int(d.uvarint()), Size: int64(d.uvarint())}
			p.Checksum = d.checksum()
			o.Parts = append(o.Parts, p)
		case fieldRetention:
			o.Lock.Mode = Retention(d.text())
			o.Lock.Until = time.UnixMilli(int64(d.uvarint())).UTC()
		case fieldACL:
			o.ACL = &ACL{}
			for n := d.uvarint(); n > 0 && !d.bad; n-- {
				o.ACL.Grants = append(o.ACL.Grants, Grant{User: d.text(), Group: d.text(), Permission: d.text()})
			}
		case fieldHold:
			o.Lock.Hold = LegalHold(d.text())
		default:
			d.bad = true
		}
	}
}

func (d *decoder) checksum() Checksum {
	a, t := Algorithm(d.text()), ChecksumType(d.text())
	return Checksum{Algorithm: a, Type: t, Value: d.text()}
}

// decoder takes a row apart. After the first error its results are zero and bad is set.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n < 0 || n > len(d.b) {
		d.bad = true
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) fixed() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	if d.bad {
		return 0
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad = true
		return ""
	}
	return string(d.take(int(n)))
}
