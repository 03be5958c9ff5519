package awsgen

import "testing"

func TestTranslate(t *testing.T) {
	f := func(src string, yes, no []string) {
		t.Helper()
		p, err := translate(src)
		if err != nil {
			t.Error(err)
			return
		}
		for _, v := range yes {
			if !p.Match(v) {
				t.Errorf("%s (%s): %q does not match", src, p.Expr, v)
			}
		}
		for _, v := range no {
			if p.Match(v) {
				t.Errorf("%s (%s): %q matches", src, p.Expr, v)
			}
		}
	}
	f(`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*`, []string{"", "a b\t", "é", "😀"}, []string{"a\nb", "\x01"})
	f(`(?!aws:)[a-z:]{1,128}`, []string{"abc", "xaws:"}, []string{"aws:x", ""})
	f(`\p{Alnum}+`, []string{"aB3"}, []string{"", "a-b"})
	f(`[\p{Alnum}_]+`, []string{"aB3_"}, []string{"", "a-b"})
	f(`[\w+=,.@-]+`, []string{"a+b=c@d"}, []string{"", "a/b"})
	f(`.{0,2048}`, []string{"", "abc"}, nil)
	f(`[a-z]++\d`, []string{"abc1"}, []string{"1"})
	f(`[+]+x`, []string{"++x"}, []string{"x"})
	f(`a|bc`, []string{"a", "bc"}, []string{"abc", "ac"})
	if _, err := translate(`(`); err == nil {
		t.Error("an unbalanced pattern was accepted")
	}
}
