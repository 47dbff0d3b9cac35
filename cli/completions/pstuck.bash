# bash completion for pstuck(1)

_pstuck() {
  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  local verb=
  [[ ${COMP_WORDS[1]} == @(run|watch) && $COMP_CWORD -gt 1 ]] && verb=${COMP_WORDS[1]}
  COMPREPLY=()
  # The shell makes --format=json three words: the option, "=" and the value.
  [[ $word == = ]] && word=
  [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
  case $before in
    --format)
      mapfile -t COMPREPLY < <(compgen -W 'text json postmortem' -- "$word")
      return
      ;;
    --color)
      mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word")
      return
      ;;
    --scan-memory)
      # Its value may be left out: only behind "=" is the word one.
      if [[ ${COMP_WORDS[COMP_CWORD]} == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'auto yes no' -- "$word")
        return
      fi
      ;;
    -o | --output | --exe | --lock-file | --junit)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    --artifacts | --sysroot | --debug-dir)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
    --exec)
      mapfile -t COMPREPLY < <(compgen -c -- "$word")
      return
      ;;
    --timeout | --quiet | --kill-after | --budget | --cores | --every | --for | --samples | --interval | --stack-bytes | --max-frames | --max-memory | --follow | --tree | --pgid | \
      --name | --core-of)
      return
      ;;
  esac
  local looking='--no-stop --follow --freeze --samples --interval --stack-bytes --scan-memory
    --max-memory --exe --sysroot --debug-dir --lock-file --redact --no-lines --max-frames -h --help --version'
  local report='-a --all-threads --format -o --output --color --exit-code --tree --pgid --name --core-of --all'
  local run='--timeout --quiet --kill-after --budget --artifacts --cores --junit'
  local watch='--every --for --until-stuck --exec --artifacts'
  if [[ $word == -* ]]; then
    [[ -n $verb ]] && report=${!verb}
    mapfile -t COMPREPLY < <(compgen -W "$report $looking" -- "$word")
    return
  fi
  compopt -o filenames
  if [[ $verb == run ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$word")
    return
  fi
  mapfile -t COMPREPLY < <(
    ((COMP_CWORD == 1)) && compgen -W 'capture diff run triage watch' -- "$word"
    (cd /proc && compgen -G '[0-9]*') | while read -r pid; do compgen -W "$pid" -- "$word"; done
    compgen -f -- "$word"
  )
}

complete -F _pstuck pstuck
