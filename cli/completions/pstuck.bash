# bash completion for pstuck(1)

_pstuck() {
  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
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
    -o | --output | --exe | --lock-file)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    --samples | --interval | --stack-bytes | --max-frames | --max-memory | --follow | --tree | --pgid | \
      --name)
      return
      ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '-a --all-threads --format -o --output --color --exit-code
      --tree --pgid --name --all --no-stop --follow
      --freeze --samples --interval --stack-bytes --scan-memory --max-memory --exe --lock-file --redact
      --no-lines --max-frames -h --help --version' -- "$word")
    return
  fi
  compopt -o filenames
  mapfile -t COMPREPLY < <(
    (cd /proc && compgen -G '[0-9]*') | while read -r pid; do compgen -W "$pid" -- "$word"; done
    compgen -f -- "$word"
  )
}

complete -F _pstuck pstuck
