// Command generate prints what Go's own text/template makes of each case in cases.txt, as JSON, for golden.json:
//
//	go run generate.go < cases.txt > golden.json
//
// Cases are separated by lines that hold only "----". language.test.ts builds the same data.
package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"text/template"
)

type service struct {
	Name string
	Port int
	Tags []string
	Meta map[string]string
}

func (s service) Greet(who string) string { return s.Name + " greets " + who }

type result struct {
	Source string `json:"source"`
	Output string `json:"output,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	services := []service{
		{"web", 80, []string{"http", "v1"}, map[string]string{"zone": "a"}},
		{"db", 5432, []string{}, map[string]string{}},
	}
	data := map[string]any{
		"Name": "web", "N": 3, "Zero": 0, "F": 2.5, "Big": 1000000.0, "Huge": 1e22, "Small": 0.00001234, "T": true, "No": false,
		"Nil": nil, "L": []string{"a", "b", "c"}, "Ints": []int{1, 2, 3}, "Empty": []string{},
		"IntMap": map[int]string{10: "ten", 2: "two"},
		"M":      map[string]string{"k": "v", "a": "b"}, "Any": map[string]any{"x": 1, "deep": map[string]any{"y": "z"}},
		"S": services[0], "Svcs": services, "Html": "<a href=\"x\">'&'</a>", "Uni": "héllo, wörld ✓",
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	var results []result
	for _, source := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n----\n") {
		results = append(results, run(source, data))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(results); err != nil {
		panic(err)
	}
}

func run(source string, data any) result {
	parsed, err := template.New("t").Parse(source)
	if err != nil {
		return result{Source: source, Error: err.Error()}
	}
	var out strings.Builder
	if err := parsed.Execute(&out, data); err != nil {
		return result{Source: source, Error: err.Error()}
	}
	return result{Source: source, Output: out.String()}
}
