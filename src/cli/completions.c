/* SPDX-License-Identifier: Apache-2.0
 *
 * completions.c - `geminga completions`: scripts for shells, and what these ask when a person presses the tab.
 *
 * The scripts know nothing but how their shell wants it: the words come from the program itself, so that they are
 * always those of the one that is installed.
 */
#include "cli/completion.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX (1024u * 1024)
#define URL       "http://localhost:8080"

/* ---- the scripts ---- */

/* bash parts words at ":" and "=" and puts back the last part only, so that what stands before it is taken off. */
static const char bash_script[] = "# bash completion for geminga: source <(geminga completions bash)\n"
                                  "_geminga()\n"
                                  "{\n"
                                  "    local line=${COMP_LINE:0:COMP_POINT} words last kept i\n"
                                  "    read -ra words <<<\"$line\"\n"
                                  "    [[ $line == *[[:space:]] ]] && words+=(\"\")\n"
                                  "    last=${words[-1]}\n"
                                  "    kept=${last%\"${last##*[:=]}\"}\n"
                                  "    COMPREPLY=()\n"
                                  "    while IFS=$'\\t' read -r i _; do\n"
                                  "        COMPREPLY+=(\"${i#\"$kept\"}\")\n"
                                  "    done < <(\"${words[0]}\" completions words -- \"${words[@]:1}\" 2>/dev/null)\n"
                                  "    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null\n"
                                  "    return 0\n"
                                  "}\n"
                                  "complete -o bashdefault -o default -F _geminga geminga\n";

static const char zsh_script[] =
    "#compdef geminga\n"
    "# zsh completion for geminga: source <(geminga completions zsh), or as a file _geminga in a directory of $fpath\n"
    "_geminga()\n"
    "{\n"
    "    local line\n"
    "    local -a described open\n"
    "    for line in \"${(@f)$(\"${words[1]}\" completions words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
    "        [[ -z $line ]] && continue\n"
    "        if [[ ${line%%$'\\t'*} == */ ]]; then\n"
    "            open+=(\"${line%%$'\\t'*}\")\n"
    "        else\n"
    "            described+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "        fi\n"
    "    done\n"
    "    if (( ${#described} + ${#open} == 0 )); then\n"
    "        _files\n"
    "        return\n"
    "    fi\n"
    "    (( ${#open} )) && compadd -S '' -- \"${open[@]}\"\n"
    "    (( ${#described} )) && _describe geminga described\n"
    "}\n"
    "if [[ ${funcstack[1]} == _geminga ]]; then\n"
    "    _geminga \"$@\"\n"
    "else\n"
    "    compdef _geminga geminga\n"
    "fi\n";

static const char fish_script[] = "# fish completion for geminga: geminga completions fish | source\n"
                                  "function __geminga_complete\n"
                                  "    set -l words (commandline -opc) (commandline -ct)\n"
                                  "    set -l found ($words[1] completions words -- $words[2..-1] 2>/dev/null)\n"
                                  "    if test (count $found) -gt 0\n"
                                  "        printf '%s\\n' $found\n"
                                  "    else\n"
                                  "        __fish_complete_path (commandline -ct)\n"
                                  "    end\n"
                                  "end\n"
                                  "complete -c geminga -f -a '(__geminga_complete)'\n";

static int script_run(struct invocation *inv)
{
    const char *script = strcmp(inv->verb->name, "bash") == 0  ? bash_script
                         : strcmp(inv->verb->name, "zsh") == 0 ? zsh_script
                                                               : fish_script;

    if (inv->argc > 0)
        return cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
    return fputs(script, stdout) >= 0 && fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static const struct verb bash_verb = {
    .name = "bash",
    .arguments = "",
    .text = "Prints the script for bash.",
    .example = "  source <(geminga completions bash)\n",
    .run = script_run,
};

static const struct verb zsh_verb = {
    .name = "zsh",
    .arguments = "",
    .text = "Prints the script for zsh.",
    .example = "  source <(geminga completions zsh)\n",
    .run = script_run,
};

static const struct verb fish_verb = {
    .name = "fish",
    .arguments = "",
    .text = "Prints the script for fish.",
    .example = "  geminga completions fish | source\n",
    .run = script_run,
};

/* ---- what they ask ---- */

/* That of --admin-url among the words, of the environment, or the usual one. */
static const char *url_of(int argc, char *const *argv)
{
    static const char flag[] = "--admin-url";
    const char *env = getenv("PULSAR_ADMIN_URL");

    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], flag, strlen(flag)) != 0)
            continue;
        if (argv[i][strlen(flag)] == '=')
            return argv[i] + strlen(flag) + 1;
        if (argv[i][strlen(flag)] == '\0' && i + 1 < argc)
            return argv[i + 1];
    }
    return env && *env ? env : URL;
}

static int words_run(struct invocation *inv)
{
    const bool parted = inv->argc > 0 && strcmp(inv->argv[0], "--") == 0;
    const int argc = inv->argc - parted;
    char *const *argv = inv->argv + parted;
    struct text out;
    struct completion c = {.begun = argc > 0 ? argv[argc - 1] : "", .url = url_of(argc, argv), .out = &out};

    text_init(&out, WORDS_MAX);
    if (argc > 0)
        completion_words(&c, cli_verbs, argc, argv);
    if (out.data)
        (void)fputs(out.data, stdout);
    text_deinit(&out);
    return CLI_OK;
}

static const struct verb words_verb = {
    .name = "words",
    .arguments = "-- WORD...",
    .text = "Prints what could be the last of the words after `geminga`; what the scripts ask.",
    .example = "  geminga completions words -- client pro\n",
    .run = words_run,
};

static const struct verb *const completions_verbs[] = {&bash_verb, &zsh_verb, &fish_verb, &words_verb, NULL};

const struct verb completions_verb = {
    .name = "completions",
    .text = "Prints scripts that let shells complete words of this program, and names of topics.",
    .example = "  geminga completions fish | source\n",
    .verbs = completions_verbs,
};
