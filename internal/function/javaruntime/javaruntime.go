// Package javaruntime compiles the bootstrap of Java functions (tarn/runtime/*.java) into the jar that the server embeds, so
// that neither building Tarn nor running it needs a Java compiler.
//
// The jar is the same byte for byte whenever the same sources are compiled by the same JDK: entries are sorted, without
// times. Its manifest names both, and a test compares the sources' hash. Where another JDK is installed than that which
// made the jar, a jar of the same sources is left as it is.
package javaruntime

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Build compiles the sources below dir into the jar out, if it is not of these sources or if the JDK is that which made it.
// It returns what it did.
func Build(dir, out string) (did string, err error) {
	sources, err := SourceHash(os.DirFS(dir))
	if err != nil {
		return "", err
	}
	old, _ := os.ReadFile(out) // none: it is made
	have := Manifest(old)
	version, err := exec.Command("javac", "-version").CombinedOutput()
	if err != nil {
		if have["Source-SHA256"] == sources {
			return "the runtime's jar is that of its sources; no javac here to make it anew", nil
		}
		return "", fmt.Errorf("the sources of the Java runtime changed, and javac is missing: apt-get install default-jdk-headless: %w", err)
	}
	jdk := strings.TrimSpace(strings.TrimPrefix(string(version), "javac "))
	if have["Source-SHA256"] == sources && have["Build-Jdk"] != jdk {
		return fmt.Sprintf("the runtime's jar is that of its sources, made by JDK %s; this is %s", have["Build-Jdk"], jdk), nil
	}
	classes, err := os.MkdirTemp("", "javaruntime")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(classes) }()
	files, err := filepath.Glob(filepath.Join(dir, "tarn", "runtime", "*.java"))
	if err != nil {
		return "", err
	}
	slices.Sort(files)
	args := append([]string{"-Xlint:all,-options,-serial", "-Werror", "--release", "8", "-g:source,lines", "-encoding", "UTF-8", "-d", classes}, files...)
	if text, err := exec.Command("javac", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w:\n%s", err, text)
	}
	jar, err := pack(os.DirFS(classes), "Manifest-Version: 1.0\r\nMain-Class: tarn.runtime.Main\r\nBuild-Jdk: "+jdk+"\r\nSource-SHA256: "+sources+"\r\n\r\n")
	if err != nil {
		return "", err
	}
	return "the runtime's jar is made by JDK " + jdk, os.WriteFile(out, jar, 0o644)
}

// pack writes the classes uncompressed, which the virtual machine reads fastest.
func pack(classes fs.FS, manifest string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, data []byte) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}
	if err := add("META-INF/MANIFEST.MF", []byte(manifest)); err != nil {
		return nil, err
	}
	err := fs.WalkDir(classes, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(classes, path)
		if err != nil {
			return err
		}
		return add(path, data)
	})
	if err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// SourceHash is the SHA-256 of the names and texts of the .java files below a folder, in hexadecimal digits.
func SourceHash(dir fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(dir, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".java") {
			return err
		}
		text, err := fs.ReadFile(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %d\n", path, len(text))
		h.Write(text)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Manifest returns the headers of a jar's manifest; none if there is no such jar.
func Manifest(jar []byte) map[string]string {
	m := map[string]string{}
	z, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return m
	}
	f, err := z.Open("META-INF/MANIFEST.MF")
	if err != nil {
		return m
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return m
	}
	joined := strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n ", "") // lines of 72 bytes are continued
	for line := range strings.Lines(joined) {
		if name, value, ok := strings.Cut(line, ": "); ok {
			m[name] = strings.TrimSpace(value)
		}
	}
	return m
}
