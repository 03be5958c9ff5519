package jsonata_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// generator makes random expressions that are mostly well formed and mostly find something in the data of document.
type generator struct {
	*rand.Rand
	vars []string
}

func pickOne[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// document makes a random value with few names, so that paths meet it.
func (g *generator) document(depth int) any {
	switch n := g.IntN(10); {
	case depth > 0 && n < 5:
		o := &jsonvalue.Object{}
		for range g.IntN(5) {
			o.Set(g.name(), g.document(depth-1))
		}
		return o
	case depth > 0 && n < 8:
		list := []any{}
		for range g.IntN(5) {
			list = append(list, g.document(depth-1))
		}
		return list
	}
	return pickOne[any](g, nil, true, false, "", "a", "abc", "Zoë 1", "x,y", "2018-03-04", "12", jsonvalue.Number("0"), jsonvalue.Number("1"), jsonvalue.Number("2"),
		jsonvalue.Number("-3"), jsonvalue.Number("1.5"), jsonvalue.Number("1e21"), jsonvalue.Number("0.1"), jsonvalue.Number("123456789.123"))
}

func (g *generator) name() string { return pickOne(g, "a", "b", "c", "d", "e", "n", "s", "x y") }

func (g *generator) field() string {
	return pickOne(g, "a", "b", "c", "d", "e", "n", "s", "`x y`", `"a"`, "*", "**")
}

func (g *generator) literal() string {
	return pickOne(g, "0", "1", "2", "-1", "1.5", "3e2", "10", `"a"`, `""`, `"abc"`, `"x,y"`, `"Zoë"`, "true", "false", "null", "[]", "{}", "[1,2,3]", `["b","a"]`,
		`{"a":1}`, `[{"a":1,"b":[2]},{"a":3}]`, "[1..3]", `"#,##0.00"`, `"[Y]-[M01]"`, `"12"`, "[[1],[2]]", "missing", "0.1")
}

func (g *generator) regex() string {
	return pickOne(g, `/a/`, `/[a-z]+/`, `/(b)(c)?/`, `/,/`, `/A/i`, `/^a/m`, `/x*/`, `/\d+/`, `/./`)
}

// expr makes an expression.
func (g *generator) expr(depth int) string {
	if depth <= 0 {
		return pickOne(g, g.literal(), "$v", "$v."+g.field(), "$", g.field(), "$x", "$v.a.b", "$."+g.field())
	}
	e := func() string { return g.expr(depth - 1 - g.IntN(2)) }
	switch g.IntN(26) {
	case 0, 1, 2:
		return e() + "." + g.field()
	case 3, 4:
		return e() + "[" + e() + "]"
	case 5, 6:
		return e() + pickOne(g, " + ", " - ", " * ", " / ", " % ", " = ", " != ", " < ", " <= ", " > ", " >= ", " & ", " and ", " or ", " in ") + e()
	case 7:
		return "(" + e() + ")." + e()
	case 8:
		return "[" + e() + ", " + e() + "]" + pickOne(g, "", "[0]", "."+g.field())
	case 9:
		return `{"k": ` + e() + `, ` + pickOne(g, `"l"`, `$string(`+e()+`)`) + `: ` + e() + `}`
	case 10:
		return "(" + e() + " ? " + e() + pickOne(g, "", " : "+e()) + ")"
	case 11:
		return "($x := " + e() + "; " + e() + ")"
	case 12:
		return e() + "{" + pickOne(g, "a", "$string(a)", `"k"`, "b") + ": " + e() + "}"
	case 13:
		return e() + "^(" + pickOne(g, "", "<", ">") + pickOne(g, "a", "b", "n", "$", e()) + ")"
	case 14:
		return "$v." + pickOne(g, "a", "b", "*", "c") + pickOne(g, "@$y", "#$y", "@$y#$z", "[0]#$y") + pickOne(g, "."+g.field(), ".$y", "["+e()+"]", `.{"y":$y,"v":$}`, ".(`a`+$y)")
	case 15:
		return "$v." + g.field() + "." + g.field() + "." + pickOne(g, "%", "%.a", "{\"p\":%.b,\"q\":$}", "%.%", "$[%.a=1]", "(%)")
	case 16:
		return e() + " ~> " + pickOne(g, "|"+e()+"|"+pickOne(g, `{"z":1}`, `{"a":$}`, e())+pickOne(g, "", `,"b"`, `,["a","c"]`)+"|", "$count", "$sum", "$string", "$map(function($i){$i})", "$f", "function($q){"+e()+"}")
	case 17:
		return "$map(" + e() + ", function(" + pickOne(g, "$i", "$i,$j", "$i,$j,$k") + "){" + pickOne(g, "$i", "$j", "$k", "$i & 'x'", e()) + "})"
	case 18:
		return "$filter(" + e() + ", function($i){" + pickOne(g, "$i > 1", "$i.a", e()) + "})"
	case 19:
		return "$reduce(" + e() + ", function($p,$q){" + pickOne(g, "$p + $q", "$p & $q", "$append($p,$q)", e()) + "}" + pickOne(g, "", ", "+e()) + ")"
	case 20:
		return "($f := function($n" + pickOne(g, "", ",$m") + ")" + pickOne(g, "", "<n:n>", "<s-:s>", "<x?:x>", "<a<n>:n>", "<n-n?:n>") + "{" + pickOne(g, "$n", "$n <= 1 ? 1 : $n * $f($n - 1)", e()) + "}; " +
			pickOne(g, "$f("+e()+")", e()+" ~> $f", "$f(?)("+e()+")", "$map("+e()+", $f)") + ")"
	case 21:
		return "(" + e() + ")" + pickOne(g, "[]", "[-1]", "[0]", "[[0,1]]")
	default:
		return g.function(e)
	}
}

var differentialFunctions = strings.Fields(`sum:1 count:1 max:1 min:1 average:1 string:1 substring:2 substring:3 substringBefore:2 substringAfter:2 lowercase:1
	uppercase:1 length:1 trim:1 pad:2 pad:3 contains:2 join:1 join:2 split:2 split:3 formatBase:1 formatBase:2 number:1 floor:1 ceil:1 round:1 round:2 abs:1
	sqrt:1 power:2 boolean:1 not:1 zip:2 keys:1 lookup:2 append:2 exists:1 spread:1 merge:1 reverse:1 sort:1 distinct:1 type:1 base64encode:1 encodeUrl:1
	encodeUrlComponent:1 decodeUrl:1 clone:1 fromMillis:1 partition:2 range:3 parse:1 each:2 sift:2 single:1 single:2 assert:1 error:1`)

func (g *generator) function(e func() string) string {
	switch g.IntN(8) {
	case 0:
		return pickOne(g, "$match(", "$contains(", "$split(") + e() + ", " + g.regex() + ")"
	case 1:
		return "$replace(" + e() + ", " + pickOne(g, g.regex(), `"a"`, e()) + ", " + pickOne(g, `"[$1]"`, `"$0$0"`, `"z"`, "function($m){$m.match & '!'}") + pickOne(g, "", ", 1") + ")"
	case 2:
		return "$formatNumber(" + pickOne(g, "1234.567", "-0.5", "0", "12", e()) + ", " + pickOne(g, `"#,##0.00"`, `"0"`, `"#%"`, `"00.0e0"`, `"#.#;(#)"`, `"0,00,0"`, e()) + ")"
	case 3:
		return pickOne(g, "$formatInteger(", "$parseInteger(") + pickOne(g, "12", "1999", `"twelve"`, `"XIV"`, `"1,234"`, e()) + ", " + pickOne(g, `"0"`, `"w"`, `"W"`, `"Ww;o"`, `"I"`, `"a"`, `"#,##0"`, `"001;o"`, `"x"`) + ")"
	case 4:
		if g.IntN(2) == 0 {
			return "$toMillis(" + pickOne(g, `"2018-03-04"`, `"2020-02-29T10:11:12.5Z"`, `"2018-03-04T00:00:00+05:30"`, `"2017"`, `"4/3/2018"`, e()) + pickOne(g, "", `, "[D]/[M]/[Y]"`, `, "[Y]-[M01]-[D01]"`, `, "[Y0001]"`) + ")"
		}
		return "$fromMillis(" + pickOne(g, "0", "1520121600000", "-1", "1e12", e()) + pickOne(g, "", `, "[Y]-[M01]-[D01]"`, `, "[FNn], [D1o] [MNn] [Y] [h]:[m] [P]"`, `, "[W]-[w]-[X]-[x]-[d]"`, `, "[H01][m][s].[f001] [Z]"`) + pickOne(g, "", `, "+0530"`) + ")"
	}
	name, count, _ := strings.Cut(differentialFunctions[g.IntN(len(differentialFunctions))], ":")
	n, _ := strconv.Atoi(count)
	if g.IntN(12) == 0 {
		n += g.IntN(3) - 1
	}
	args := make([]string, max(0, n))
	for i := range args {
		args[i] = e()
		if g.IntN(14) == 0 {
			args[i] = pickOne(g, "$string", "$uppercase", "$sum", "function($k,$w){$w}", "?", "$f")
		}
	}
	if g.IntN(8) == 0 {
		return e() + ".$" + name + "(" + strings.Join(args, ", ") + ")"
	}
	return "$" + name + "(" + strings.Join(args, ", ") + ")"
}

// richDocument has every name that the generator uses, on several levels.
const richDocument = `{"a":[{"a":1,"b":{"c":"x","n":[1,2]},"s":"abc","n":3},{"a":2,"b":[{"c":"y","n":4},{"c":"z"}],"s":"b,c","n":-1},{"a":"q","s":null}],
	"b":{"a":{"b":5,"c":[7,8]},"b":"bee","c":[{"a":"m","b":1},{"a":"k","b":2},{"a":"m","b":3}],"d":[[1,2],[3]],"e":{}},"c":[3,1,2],"d":["b","a","c"],
	"e":[],"n":12.5,"s":"Hello, Zoë","x y":{"a":true,"b":false}}`

// TestDifferential compares the evaluator with the JavaScript library on random expressions. TARN_JSONATA_CASES sets how
// many, TARN_JSONATA_SEED which.
func TestDifferential(t *testing.T) {
	cases, seed := 200, uint64(1)
	if s := os.Getenv("TARN_JSONATA_CASES"); s != "" {
		cases, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("TARN_JSONATA_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	rich, err := jsonvalue.Parse(richDocument)
	if err != nil {
		t.Fatal(err)
	}
	list, sets := corpus(t), []any{rich}
	data, _ := loadSuite(t)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		v, err := jsonvalue.Parse(string(data[name]))
		if err != nil {
			t.Fatal(err)
		}
		if len(data[name]) < 5000 {
			sets = append(sets, v)
		}
	}
	o := newOracle(t)
	kinds, details := map[string]int{}, 0
	for i := range cases {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}
		doc, src := g.document(4), g.expr(1+g.IntN(4))
		if g.IntN(2) == 0 {
			doc = rich
		}
		plain := g.IntN(3) == 0
		if i%2 == 0 {
			src, plain, doc = mutate(g.Rand, list[g.IntN(len(list))], list[g.IntN(len(list))]), true, pickOne(g, sets...)
		}
		if i%2 == 0 && !comparable(src) || functionAsData.MatchString(src) {
			continue
		}
		if i%1000 == 999 {
			o = newOracle(t) // the library writes to its own function values: their state must not pile up
		}
		before := jsonvalue.Marshal(doc)
		want, got := o.eval(src, doc, plain), native(t, src, doc, plain)
		switch {
		case want.failed:
			kinds["error "+want.code]++
		case want.undefined:
			kinds["undefined"]++
		default:
			kinds["value"]++
		}
		if jsonvalue.Marshal(doc) != before {
			t.Fatalf("case %d: %s changed the document %s", i, src, before)
		}
		if want.code == "T2006" && strings.Contains(src, "**") {
			continue // the descendants of a function
		}
		if strings.ReplaceAll(want.String(), "[null]", "[]") == got.String() {
			continue // the library puts undefined into an empty list that is grouped
		}
		if !got.agrees(want) {
			t.Errorf("case %d: plain %t: %s\n\tof %s\n\tgives %v\n\tlibrary %v", i, plain, src, jsonvalue.Marshal(doc), got, want)
		} else if want.code != "" && want != got && want.token != "" && !want.gaveUp && !got.gaveUp {
			details++
			if os.Getenv("TARN_JSONATA_DETAILS") != "" {
				t.Logf("case %d: %s: %q at %d, %q; library %q at %d, %q", i, src, got.message, got.position, got.token, want.message, want.position, want.token)
			}
		}
	}
	t.Log(fmt.Sprint(kinds), "errors with another text, place or token:", details)
}
