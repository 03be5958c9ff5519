package function

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/lifecycle"
)

func TestJavaVersions(t *testing.T) {
	for id, want := range map[string]int{"java8": 8, "java8.al2": 8, "java11": 11, "java17.al2023": 17, "java21": 21, "java25": 25} {
		if fam, err := familyOf(id); err != nil || fam != java || javaMajor(id) != want {
			t.Errorf("%s: %s %d, %v", id, fam, javaMajor(id), err)
		}
	}
	if _, err := familyOf("java"); !errors.Is(err, ErrBadParameter) {
		t.Errorf("java without a version: %v", err)
	}
	have := []int{8, 11, 17, 21}
	for want, best := range map[int]int{8: 8, 11: 11, 12: 17, 18: 21, 25: 21} {
		list := slices.Clone(have)
		slices.SortFunc(list, func(a, b int) int { return javaDistance(want, a) - javaDistance(want, b) })
		if list[0] != best {
			t.Errorf("for Java %d of %v: %d, want %d", want, have, list[0], best)
		}
	}
}

// fakeJava is a program that says what a Java of that version does.
func fakeJava(t *testing.T, properties string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "java")
	if err := os.WriteFile(path, []byte("#!/bin/sh\ncat >&2 <<'E'\nProperty settings:\n"+properties+"\nE\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindJava(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	r := newRuntimes(&Options{Dir: t.TempDir(), Group: lifecycle.New(t.Context(), quiet)}, quiet)
	t.Setenv("TARN_RUNTIME_JAVA8_AL2", fakeJava(t, "    java.home = /opt/jdk8/jre\n    java.specification.version = 1.8\n    java.version = 1.8.0_392"))
	in, err := r.find(t.Context(), "java8.al2")
	if err != nil || in.version != "1.8.0_392" || in.roots[0] != "/opt/jdk8/jre" || in.asked != "" {
		t.Errorf("Java 8: %+v, %v", in, err)
	}
	t.Setenv("TARN_RUNTIME_JAVA21", fakeJava(t, "    java.home = /opt/jdk17\n    java.specification.version = 17\n    java.version = 17.0.9"))
	if in, err := r.find(t.Context(), "java21"); err != nil || in.asked != "java21" {
		t.Errorf("another version stands in: %+v, %v", in, err)
	}
	for name, path := range map[string]string{"none there": "/nonexistent/java", "no Java": fakeJava(t, "nonsense")} {
		t.Setenv("TARN_RUNTIME_JAVA11", path)
		_, err := r.find(t.Context(), "java11")
		if !errors.Is(err, ErrRuntime) || !strings.Contains(err.Error(), "TARN_RUNTIME_JAVA11="+path) || !strings.Contains(err.Error(), "default-jre-headless") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
