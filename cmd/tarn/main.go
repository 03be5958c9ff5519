// Command tarn is a data lake with its pipelines in one binary.
package main

func main() {}
