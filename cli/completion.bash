# bash completion for bypath. What is typed, and what is answered, is never expanded or run.

__bypath_complete() {
    local cur words cword value
    _get_comp_words_by_ref -n "=:" cur words cword
    COMPREPLY=()
    while IFS= read -r value; do
        # A description stands behind a tab; the last line, ":" and a number, is for other shells.
        value=${value%%$'\t'*}
        [[ $value == :* || $value != "$cur"* ]] && continue
        [[ $value == *[!A-Za-z0-9_./:=@%+,-]* ]] && printf -v value %q "$value"
        COMPREPLY+=("$value")
    done < <(bypath complete -- "${words[@]:1:cword}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    __ltrim_colon_completions "$cur"
}

complete -F __bypath_complete bypath
