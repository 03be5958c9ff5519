package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd prints a script that completes commands and flags.
type completionCmd struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

// Run prints the script: bash and zsh evaluate it, fish sources it.
func (c *completionCmd) Run(k *kong.Context) error {
	var names []string
	flags := map[string][]string{}
	for _, n := range k.Model.Children {
		names = append(names, n.Name)
		for _, f := range n.Flags {
			flags[n.Name] = append(flags[n.Name], "--"+f.Name)
		}
	}
	if c.Shell == "fish" {
		for _, n := range k.Model.Children {
			fmt.Printf("complete -c tarn -n __fish_use_subcommand -f -a %s -d %s\n", n.Name, quote(n.Help))
			for _, f := range n.Flags {
				fmt.Printf("complete -c tarn -n '__fish_seen_subcommand_from %s' -l %s -d %s\n", n.Name, f.Name, quote(f.Help))
			}
		}
		return nil
	}
	if c.Shell == "zsh" {
		fmt.Println("autoload -U +X bashcompinit && bashcompinit")
	}
	fmt.Println("_tarn() {\n  local words\n  case \"${COMP_WORDS[1]}\" in")
	for _, n := range names {
		fmt.Printf("    %s) words=%q ;;\n", n, strings.Join(flags[n], " "))
	}
	fmt.Printf("    *) words=%q ;;\n  esac\n", strings.Join(names, " "))
	fmt.Println("  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _tarn tarn")
	return nil
}
