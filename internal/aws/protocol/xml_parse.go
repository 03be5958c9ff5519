package protocol

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxXMLNodes bounds the elements of one document; DeleteObjects with 1,000 keys has 4,000.
const maxXMLNodes = 200_000

// parseXML reads a document. Names lose their prefixes; attributes become children named "@prefix:name". Document types
// are refused, so that no entity but XML's own five exists.
func parseXML(b []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, fmt.Errorf("unknown charset %q", charset)
	}
	top := &node{}
	stack := []*node{top}
	names := []xml.Name{}
	for count := 0; ; {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSyntax, err)
		}
		cur := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			if count++; count > maxXMLNodes || len(stack) > maxDepth {
				return nil, fmt.Errorf("%w: more than %d elements or nested deeper than %d", errSyntax, maxXMLNodes, maxDepth)
			}
			n := &node{name: t.Name.Local}
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				name := "@" + a.Name.Local
				if a.Name.Space != "" {
					name = "@" + a.Name.Space + ":" + a.Name.Local
				}
				n.kids = append(n.kids, &node{name: name, text: a.Value})
			}
			cur.kids = append(cur.kids, n)
			stack, names = append(stack, n), append(names, t.Name)
		case xml.EndElement:
			if len(names) == 0 || names[len(names)-1] != t.Name {
				return nil, fmt.Errorf("%w: unexpected </%s>", errSyntax, t.Name.Local)
			}
			if hasElements(cur) {
				cur.text = "" // white space between elements
			}
			stack, names = stack[:len(stack)-1], names[:len(names)-1]
		case xml.CharData:
			if len(stack) > 1 {
				cur.text += string(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, fmt.Errorf("%w: text outside of the root element", errSyntax)
			}
		case xml.Directive:
			return nil, fmt.Errorf("%w: document types are not accepted", errSyntax)
		}
	}
	if len(stack) != 1 || len(top.kids) != 1 {
		return nil, fmt.Errorf("%w: want one root element that is closed", errSyntax)
	}
	return top.kids[0], nil
}

func hasElements(n *node) bool {
	for _, k := range n.kids {
		if k.name[0] != '@' {
			return true
		}
	}
	return false
}
