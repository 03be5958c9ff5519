// Command awsgen writes the types, models and reference pages of the AWS services; see package awsgen.
//
//	awsgen -models .cache/botocore [package…]
//	awsgen -support FILE -o MODEL.json.gz      only the model, for tests
//	awsgen -answers -o ANSWERS.json.gz         what services that are not served answer
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"

	"github.com/tarn-data/tarn/internal/aws/awsgen"
)

func main() {
	dir := flag.String("models", ".cache/botocore", "folder with botocore's wheels")
	root := flag.String("root", ".", "root of the repository")
	support := flag.String("support", "", "support file of a single model")
	answers := flag.Bool("answers", false, "write the answers of services that are not served")
	out := flag.String("o", "", "file to write for -support and -answers")
	flag.Parse()
	if *answers {
		if err := awsgen.Answers(*out, &awsgen.Models{Dir: *dir}); err != nil {
			fmt.Fprintln(os.Stderr, "awsgen:", err)
			os.Exit(1)
		}
		return
	}
	if *support != "" {
		if err := awsgen.Model(*support, *out, &awsgen.Models{Dir: *dir}); err != nil {
			fmt.Fprintln(os.Stderr, "awsgen:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(*root, *dir, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "awsgen:", err)
		os.Exit(1)
	}
}

func run(root, dir string, only []string) error {
	list, err := awsgen.Find(root)
	if err != nil {
		return err
	}
	for _, s := range list {
		if len(only) > 0 && !slices.Contains(only, s.Package) {
			continue
		}
		if err := awsgen.Generate(root, s, &awsgen.Models{Dir: dir}); err != nil {
			return err
		}
		fmt.Printf("%-14s %d operations\n", s.Package, len(s.Support.Ops))
	}
	return nil
}
