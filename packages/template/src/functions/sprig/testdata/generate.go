// Command generate prints what Go and sprig make of each case in cases.txt, as JSON, for golden.json:
//
//	TZ=UTC go run . < cases.txt > golden.json
//
// One case a line; the functions have consul-template's prefix. sprig.test.ts builds the same data.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

type result struct {
	Source string `json:"source"`
	Output string `json:"output,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	functions := template.FuncMap{}
	for name, function := range sprig.TxtFuncMap() {
		functions["sprig_"+name] = function
	}
	var results []result
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		results = append(results, run(lines.Text(), functions, freshData()))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(results); err != nil {
		panic(err)
	}
}

// freshData is anew for each case: some functions change what they are given.
func freshData() any {
	return map[string]any{
		"L": []string{"b", "a", "c"}, "Ints": []int{1, 2, 3}, "Nil": nil, "S": "web", "N": 3, "F": 2.5,
		"D": map[string]any{"a": 1, "b": map[string]any{"c": "d"}},
	}
}

func run(source string, functions template.FuncMap, data any) result {
	parsed, err := template.New("t").Funcs(functions).Parse(source)
	if err != nil {
		return result{Source: source, Error: err.Error()}
	}
	var out strings.Builder
	if err := parsed.Execute(&out, data); err != nil {
		return result{Source: source, Error: err.Error()}
	}
	return result{Source: source, Output: out.String()}
}
