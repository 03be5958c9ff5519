package function

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// javaForm are Lambda's Java runtimes: java8, java8.al2, java11, java17, java21 …
var javaForm = regexp.MustCompile(`^java(8|\d{2})(\.al2|\.al2023)?$`)

// javaMajor is the Java version that a runtime's identifier asks for.
func javaMajor(id string) int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(id, "java"), ".")
	n, _ := strconv.Atoi(digits) // javaForm holds
	return n
}

// javaHomes lists where Java may be: the variable of the runtime, JAVA_HOME, PATH, then where systems install it.
func javaHomes(id string) (paths []string, looked []string) {
	add := func(what, path string) {
		looked = append(looked, what)
		if path != "" {
			paths = append(paths, path)
		}
	}
	if p := os.Getenv(runtimeVar(id)); p != "" {
		return []string{p}, []string{runtimeVar(id) + "=" + p}
	}
	if home := os.Getenv("JAVA_HOME"); home != "" {
		add("$JAVA_HOME/bin/java", filepath.Join(home, "bin", "java"))
	}
	inPath, _ := exec.LookPath("java") // not there: the next place
	add("java in PATH", inPath)
	for _, pattern := range []string{"/usr/lib/jvm/*/bin/java", "/opt/java/*/bin/java", "/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java"} {
		found, _ := filepath.Glob(pattern) // the pattern is right
		looked = append(looked, pattern)
		paths = append(paths, found...)
	}
	return paths, looked
}

// findJava chooses the Java for a runtime: the version that it asks for, else the next newer one, which runs older
// classes, else the newest of the older ones.
func (r *runtimes) findJava(ctx context.Context, id string) (interpreter, error) {
	want := javaMajor(id)
	paths, looked := javaHomes(id)
	var best interpreter
	seen, least := map[string]bool{}, 0
	for _, p := range paths {
		real, err := filepath.EvalSymlinks(p)
		if err != nil || seen[real] {
			continue
		}
		seen[real] = true
		in, major, err := inspectJava(ctx, real)
		if err != nil {
			r.log.Warn("a Java does not run", "path", real, "err", err)
			continue
		}
		if d := javaDistance(want, major); best.path == "" || d < least {
			best, least = in, d
		}
	}
	if best.path == "" {
		return interpreter{}, fmt.Errorf("%w: %s: looked for Java %d or newer as %s; install it (Debian: default-jre-headless) or set %s to its path",
			ErrRuntime, id, want, strings.Join(looked, ", "), runtimeVar(id))
	}
	if least != 0 {
		best.asked = id
	}
	return best, nil
}

// javaDistance orders versions by how well they stand in for the wanted one: less is better, 0 is the one itself.
func javaDistance(want, major int) int {
	if major >= want {
		return major - want
	}
	return 1000 + want - major
}

// inspectJava asks a Java for its version and home.
func inspectJava(ctx context.Context, path string) (interpreter, int, error) {
	out, err := exec.CommandContext(ctx, path, "-XshowSettings:properties", "-version").CombinedOutput()
	if err != nil {
		return interpreter{}, 0, fmt.Errorf("run %s: %w", path, err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(line, " = "); ok {
			found[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	spec, err := strconv.Atoi(strings.TrimPrefix(found["java.specification.version"], "1.")) // 1.8, 11, 17
	if err != nil || found["java.home"] == "" {
		return interpreter{}, 0, fmt.Errorf("%s answered %q", path, out)
	}
	// Debian keeps a JDK's configuration under /etc, which a sandbox shows; the home of a JRE inside a JDK 8 is enough.
	return interpreter{path: path, version: found["java.version"], roots: []string{found["java.home"]}}, spec, nil
}

// javaCommand is the command line of a Java function. The heap is what Lambda gives it: the function's memory less what the
// virtual machine itself needs. C1 alone and the serial collector start fastest; JAVA_TOOL_OPTIONS of the function may say
// otherwise.
func javaCommand(l *layout, memoryMB int) []string {
	cp := strings.Join([]string{
		l.task, filepath.Join(l.task, "lib") + "/*", l.opt + "/java/lib/*", l.opt + "/java", filepath.Join(l.runtime, "runtime.jar"),
	}, ":")
	return []string{
		l.interpreter.path, "-Xmx" + strconv.Itoa(memoryMB*85/100) + "m", "-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Dfile.encoding=UTF-8", "-Dsun.stdout.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8", "-Djava.net.preferIPv4Stack=true",
		"-Djava.io.tmpdir=" + l.tmp, "-Duser.home=" + l.tmp, "-cp", cp, "tarn.runtime.Main",
	}
}
