// Package bridge connects engines that must not know one another: each engine declares the little that it needs as an
// interface of its own, and a file here, one a pair, supplies it from another engine. It holds no state and takes no
// decisions that belong to an engine.
package bridge
