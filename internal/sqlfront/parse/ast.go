package parse

// Kind tells what an Expr is.
type Kind int

// The kinds of expressions. In brackets: the fields that matter besides Pos.
const (
	Null         Kind = iota
	Bool              // S: "true", "false"
	Int               // S
	Dec               // S
	Dbl               // S
	Str               // S
	Bin               // S: the bytes
	Typed             // T, S: DATE '2024-01-01'
	Interval          // S, Name: unit, To: unit or "", Neg
	Ident             // Name, Quoted
	Deref             // A[0], Name
	Call              // Name (lower case, qualified by dots), A, Distinct, Order, Filter, Over, Star, Nulls
	Cast              // A[0], T, Try
	Arith             // S: + - * / %, A
	Concat            // A[0] || A[1]
	Neg               // -A[0]
	Pos_              // +A[0]
	Not               // A[0]
	Logical           // S: AND, OR; A: two or more
	Compare           // S: = <> < <= > >=, A
	DistinctFrom      // A, Not
	Between           // A: value, low, high; Not
	InList            // A: value and candidates; Not
	InQuery           // A[0], Query; Not
	Like              // A: value, pattern, escape?; Not
	IsNull            // A[0], Not
	Exists            // Query
	Subquery          // Query
	Quantified        // S: operator, Name: ALL, ANY, SOME; A[0], Query
	Case              // A: operand or nil, then pairs, then else or nil
	Subscript         // A: base, index
	Array             // A
	Row               // A
	Lambda            // Names, A[0]
	Param             // N: index from 0
	AtZone            // A: value, zone
	Extract           // Name: field, A[0]
	Current           // Name: current_date …, N: precision or -1
	Trim              // Name: BOTH LEADING TRAILING, A: source, characters?
	Try               // A[0]
	Grouping          // A
	JSONCall          // Name: json_value …, A, JSON
)

// Expr is an expression. Its Pos is where Trino's messages point.
type Expr struct {
	Kind
	Pos
	S, Name, To      string
	N                int
	A                []*Expr
	Names            []string
	T                *TypeName
	Query            *Query
	Not, Neg, Quoted bool
	Try, Star        bool
	Distinct         bool
	Order            []Sort
	Filter           *Expr
	Over             *Window
	Nulls            string // IGNORE, RESPECT
	JSON             *JSONClauses
	Text             string // as written, for messages
}

// TypeName is a type as written.
type TypeName struct {
	Pos
	Name   string // lower case; "row", "array", "interval year to month"
	Args   []TypeArg
	Text   string
	Quoted bool
}

// TypeArg is an argument of a type: a number, a type, or a field of a row.
type TypeArg struct {
	Number int // when Type is nil
	Field  string
	Type   *TypeName
}

// Sort is an item of ORDER BY.
type Sort struct {
	Pos
	Expr  *Expr
	Desc  bool
	Nulls string // FIRST, LAST or ""
}

// Window is an OVER clause or a named window. A bare OVER name has only Ref and Bare.
type Window struct {
	Pos
	Ref       string
	Bare      bool
	Partition []*Expr
	Order     []Sort
	OrderPos  Pos // of ORDER
	Frame     *Frame
}

// Frame is a window frame. Bounds: UNBOUNDED PRECEDING, PRECEDING, CURRENT ROW, FOLLOWING, UNBOUNDED FOLLOWING.
type Frame struct {
	Pos
	Mode       string // ROWS, RANGE, GROUPS
	Start, End Bound  // End.Kind "" = none written
}

// Bound is one end of a frame.
type Bound struct {
	Pos
	Kind string
	Expr *Expr
}

// JSONClauses are the clauses of the SQL/JSON functions.
type JSONClauses struct {
	Path             string
	PathPos          Pos
	Passing          []*Expr
	PassingNames     []string
	Returning        *TypeName
	Wrapper          string // WITHOUT, CONDITIONAL, UNCONDITIONAL
	Quotes           string // KEEP, OMIT
	OnEmpty, OnError string // NULL, ERROR, DEFAULT, EMPTY ARRAY, EMPTY OBJECT, TRUE, FALSE, UNKNOWN
	EmptyDefault     *Expr
	ErrorDefault     *Expr
	NullOn           string // NULL, ABSENT
	Unique           bool
	Format           []bool // of each value: FORMAT JSON
}

// Query is a query with its WITH, ORDER BY, OFFSET and LIMIT.
type Query struct {
	Pos
	Recursive bool
	With      []With
	Body      *Body
	Order     []Sort
	Offset    *Expr
	Limit     *Expr // nil = none
	Ties      bool
}

// With is a named query.
type With struct {
	Pos
	Name    string
	Columns []string
	Query   *Query
}

// Body is a SELECT, VALUES, TABLE, a nested query, or a set operation of two bodies.
type Body struct {
	Pos
	Op       string // SELECT VALUES TABLE QUERY UNION INTERSECT EXCEPT
	All      bool   // of set operations
	L, R     *Body
	Query    *Query
	Rows     []*Expr
	Table    []string
	Distinct bool
	Items    []Item
	From     []*Relation
	Where    *Expr
	Group    *GroupBy
	Having   *Expr
	Windows  []NamedWindow

	Unsupported string // a clause that is refused by name
}

// Item is an item of the select list. Star items have the qualified expression in Expr or nil.
type Item struct {
	Pos
	Expr       *Expr
	Alias      string
	Quoted     bool
	Star       bool
	StarNames  []string
	AliasGiven bool
}

// GroupBy is the GROUP BY clause.
type GroupBy struct {
	Distinct bool
	Elements []GroupElement
}

// GroupElement is simple (one set), or ROLLUP, CUBE, GROUPING SETS.
type GroupElement struct {
	Pos
	Kind string // "", ROLLUP, CUBE, SETS
	Sets [][]*Expr
}

// NamedWindow is an item of the WINDOW clause.
type NamedWindow struct {
	Pos
	Name   string
	Window *Window
}

// Relation is an item of FROM.
type Relation struct {
	Pos
	Kind        string // TABLE QUERY LATERAL UNNEST JOIN PAREN
	Name        []string
	NameQuoted  []bool
	Query       *Query
	Args        []*Expr
	Ordinality  bool
	Alias       string
	AliasPos    Pos
	Columns     []string
	L, R        *Relation
	Join        string // CROSS INNER LEFT RIGHT FULL
	Natural     bool
	On          *Expr
	Using       []string
	UsingPos    []Pos
	Unsupported string // a clause that is refused by name, such as TABLESAMPLE
}
