
_cloacina() {
    local IFS=$'\013'
    local current=${COMP_WORDS[COMP_CWORD]}
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        current=$2
    fi
    # Bash divides words where COMP_WORDBREAKS says, such as at = and :, and the program needs
    # them whole: --database-url=postgres://host/db is one word.
    local line=${COMP_LINE-} words=() index=0 i word before
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        before=' '
        if [[ -n $word && $line == *"$word"* ]]; then
            before=${line%%"$word"*}
            line=${line:${#before}+${#word}}
        fi
        # Of the word that the cursor is in, what is before the cursor. Where that is between two
        # parts, Bash names the second.
        if ((i == COMP_CWORD)); then
            if [[ -n $current && $word != *[!=:@]* ]]; then
                word=
            elif [[ -n $current || $before == *[[:space:]]* ]]; then
                word=$current
            fi
        fi
        if ((i == 0)) || [[ -n $before ]]; then
            words+=("$word")
        elif ((i <= COMP_CWORD || index < ${#words[@]} - 1)); then
            words[${#words[@]} - 1]+=$word
        fi
        if ((i == COMP_CWORD)); then
            index=$((${#words[@]} - 1))
        fi
    done
    # Readline replaces the last part of a word that it has divided.
    local kept=${words[index]%"$current"}
    local space=true
    if compopt +o nospace 2> /dev/null; then
        space=false
    fi
    COMPREPLY=( $( \
        _CLAP_IFS="$IFS" \
        _CLAP_COMPLETE_INDEX="$index" \
        _CLAP_COMPLETE_COMP_TYPE="${COMP_TYPE-}" \
        _CLAP_COMPLETE_SPACE="$space" \
        CLOACINA_COMPLETE="bash" \
        cloacina -- "${words[@]}" \
    ) )
    if [[ $? != 0 ]]; then
        unset COMPREPLY
        return
    fi
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    if [[ $space == false && "${COMPREPLY-}" =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
# Where the program has no candidates, Bash completes files.
if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -o nospace -o bashdefault -o default -o nosort -F _cloacina cloacina
else
    complete -o nospace -o bashdefault -o default -F _cloacina cloacina
fi
