package eventsapi

import "encoding/base64"

// token makes the token of the page after the one that ends with a name; nil where none follows. Clients are not to read it.
func token(last string) *string {
	if last == "" {
		return nil
	}
	s := base64.RawURLEncoding.EncodeToString([]byte("\x01" + last))
	return &s
}

// after returns the name after which a page begins. What is no token begins after itself, as a name.
func after(token *string) string {
	if token == nil {
		return ""
	}
	if b, err := base64.RawURLEncoding.DecodeString(*token); err == nil && len(b) > 1 && b[0] == 1 {
		return string(b[1:])
	}
	return *token
}
