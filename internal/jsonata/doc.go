// Package jsonata evaluates JSONata 2.0.6, the version that AWS Step Functions runs, with the functions that Step
// Functions adds ($partition, $range, $hash, $random with a seed, $uuid, $parse) and without $eval.
//
// It is a native evaluator with the semantics of the JavaScript library (github.com/jsonata-js/jsonata, MIT licence), its
// accidents included: a result that a user gets from AWS is worth more than a tidy rule. The library itself is the
// oracle of the tests.
//
// # Model
//
// Text → lexer, parser (Pratt) → nodes → process (paths, predicates, bindings, parents) → eval, a walk over the nodes.
//
// Values are the JSON values of package jsonvalue as they come, so that nothing is converted that is not looked at:
// nil (null), bool, string, *jsonvalue.Object; numbers are float64 and read from jsonvalue.Number when met (norm); lists
// are *array, made around a raw []any when met. Besides there are undef (undefined) and *function.
//
//  1. Documents are shared: values that come from outside are never written to, and slices of theirs only appended to
//     with their capacity cut. Transforms write, and not only to what $clone made: an expression with one works on copies.
//  2. A sequence (array.seq) is what a path yields: with one item it stands for the item, with none for undefined. eval
//     resolves it at the end of each node, as the library does.
//  3. Tuples (array.tuples) are objects of the bindings of @, # and % by name; "@" is the item itself.
//  4. Calls in tail position are handed back to apply as thunks: tail recursion needs no stack.
//  5. Each eval, comparison and element of a long walk is a step; every 1,024 steps the clock and the context are looked
//     at. Sizes that are known before are checked against the limit of memory (grown), depth against maxDepth.
//  6. Results are exported without copying what is JSON already. Members come in JavaScript's order: array indexes first.
package jsonata
