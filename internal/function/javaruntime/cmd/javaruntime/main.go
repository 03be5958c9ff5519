// Command javaruntime makes the jar of the bootstrap of Java functions; see the package above.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/tarn-data/tarn/internal/function/javaruntime"
)

func main() {
	dir := flag.String("src", "internal/function/javaruntime", "folder of the sources")
	out := flag.String("o", "internal/function/bootstrap/runtime.jar", "the jar")
	flag.Parse()
	did, err := javaruntime.Build(*dir, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "javaruntime:", err)
		os.Exit(1)
	}
	fmt.Println(did)
}
