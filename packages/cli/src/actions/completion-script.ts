/**
 * A completion script. All three give the words so far, the unfinished one last (maybe empty), to `portolan __complete`,
 * which prints one candidate on a line; nothing printed means: complete file names.
 */
export function completionScript(shell: 'bash' | 'zsh' | 'fish'): string {
  return { bash, zsh, fish }[shell];
}

const bash = `# bash completion for portolan: source <(portolan completion bash)
_portolan_complete() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _portolan_complete portolan
`;

const zsh = `#compdef portolan
# zsh completion for portolan: portolan completion zsh > "\${fpath[1]}/_portolan"
_portolan() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then
    compadd -a candidates
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == "_portolan" ]]; then
  _portolan "$@"
else
  compdef _portolan portolan
fi
`;

const fish = `# fish completion for portolan: portolan completion fish > ~/.config/fish/completions/portolan.fish
function __portolan_complete
  set -l tokens (commandline -opc)
  set -l candidates ($tokens[1] __complete -- $tokens[2..-1] (commandline -ct) 2>/dev/null)
  if set -q candidates[1]
    printf '%s\\n' $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c portolan -f -a '(__portolan_complete)'
`;
