#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Completion: what `cleat completion words` offers, and the scripts in the
# shells themselves: bash, and zsh and fish where they are installed.
. "$(dirname "$0")/lib.sh"
cd "$work"
mkdir -p chips/one && : >chips/one/chip.state && : >cleat.conf && : >ca.pem

# Every option of every command's help is offered, and every command.
cleat completion words '' | cut -f1 >commands
cleat --help | sed -nE 's/^  ([a-z]+) .*/\1/p' >listed
options=0
while read -r command; do
    grep -qx "$command" commands || fail "$command is not offered"
    cleat "$command" --help >help
    cleat completion words "$command" -- | cut -f1 | sort -u >offered
    for option in $(grep -oE -- '(^|[] ([])--[a-z][a-z0-9-]*' help | grep -oE -- '--[a-z0-9-]+' | sort -u); do
        options=$((options + 1))
        grep -qx -- "$option" offered || fail "$command: $option is in its help and not offered"
    done
done <listed
[ "$options" -gt 100 ] || fail "only $options options"
ok "$(wc -l <listed) commands and $options options of their help texts are offered"

# bash, as it calls a completion function.
cleat completion bash >cleat.bash
cat >try.bash <<'EOF'
source cleat.bash
COMP_LINE=$1
COMP_POINT=${#COMP_LINE}
compopt() { :; } # there is no completion under way that it could change
_cleat
printf '%s\n' "${COMPREPLY[@]}"
EOF
bash_offers() { # bash_offers LINE WORD...: exactly these
    local line=$1
    shift
    [ "$(bash try.bash "$line" | sort | tr '\n' ' ')" = "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" ] ||
        fail "bash: \"$line\" gives $(bash try.bash "$line" | tr '\n' ' ')"
}
bash_offers 'cleat doc' doctor
bash_offers 'cleat aws ' policy register provision
bash_offers 'cleat aws register ' multi-account jitp jitr fleet
bash_offers 'cleat aws register jit' jitp jitr
bash_offers 'cleat doctor --cl' --clock --client-id
bash_offers 'cleat doctor --config ' chips cleat.conf ca.pem cleat.bash try.bash commands listed help offered
bash_offers 'cleat run --chip s' sim: soft:
bash_offers 'cleat run --chip sim:chips/o' chips/one
bash_offers 'cleat run --set MQTT_WILL_R' MQTT_WILL_RETAIN=
bash_offers 'cleat run --set MQTT_CLEAN_SESSION=' 0 1
bash_offers 'cleat run --set ROOT_CA_CERTIFICATE=ca' ca.pem
bash_offers 'cleat run --profile ' auto aws none
bash_offers 'cleat doctor --profile aws --no' --no-publish
bash_offers 'cleat completion ' bash zsh fish words
bash_offers 'cleat nonsense ' ''
ok "bash: commands, verbs, options, values, files behind : and ="
bash --norc -c 'source cleat.bash; complete -p cleat' | grep -q '_cleat cleat' || fail "bash: not registered"

if command -v zsh >/dev/null; then
    cleat completion zsh >_cleat
    cat >try.zsh <<'EOF'
# The script's own logic in zsh, with what it hands to zsh printed.
_describe() { local name=${@[$#]}; [[ $name == -* || -z $name ]] && name=${@[-3]}; print -l -- "${(@P)name%%:[^:]#}"; }
_files() { print -- files; }
compset() { print -- "front $2"; }
compdef() { :; }
source ./_cleat
words=("${(@)argv}")
CURRENT=$#
_cleat
EOF
    zsh_offers() { # zsh_offers PATTERN WORD...
        local pattern=$1
        shift
        zsh -f -o extendedglob try.zsh "$@" >zsh.out 2>&1 || fail "zsh: $(cat zsh.out)"
        grep -qE -- "$pattern" zsh.out || fail "zsh: $*: $(cat zsh.out)"
    }
    zsh_offers '^doctor' cleat doc
    zsh_offers '^jitr' cleat aws register jit
    zsh_offers '^MQTT_WILL_RETAIN=' cleat run --set MQTT_WILL_R
    zsh_offers '^sim' cleat run --chip s
    zsh_offers '^front sim:' cleat run --chip sim:ch
    zsh_offers '^files' cleat doctor --config ''
    # In earnest: a shell on a terminal, its completion system, the Tab key.
    cat >pty.zsh <<'EOF'
zmodload zsh/zpty
zpty -b z zsh -f -i
await() { # await PATTERN: read until it is there, a minute at most
    local n text
    for ((n = 0; n < 1200; n++)); do
        while zpty -r z text; do all+=$text; done
        [[ $all == *$~1* ]] && return
        sleep 0.05
    done
}
all=''
zpty -w z "fpath=($PWD \$fpath); autoload -Uz compinit; compinit -u -D; cd $PWD; PS1='on'':'"
await on:
all=''
zpty -w -n z $'cleat aws register mul\t'
await multi-account
print -r -- $all
zpty -d z
EOF
    zsh -f pty.zsh >pty.out 2>&1 || true
    grep -q 'multi-account' pty.out || fail "zsh on a terminal: $(cat pty.out)"
    ok "zsh: the same words, and the Tab key on a terminal"
fi

if command -v fish >/dev/null; then
    cleat completion fish >cleat.fish
    export HOME=$work XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data
    fish_offers() { # fish_offers LINE WORD...
        local line=$1
        shift
        [ "$(fish -c "source cleat.fish; complete -C '$line'" | cut -f1 | sort | tr '\n' ' ')" = "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" ] ||
            fail "fish: \"$line\" gives $(fish -c "source cleat.fish; complete -C '$line'" 2>&1 | tr '\n' ' ')"
    }
    fish_offers 'cleat doc' doctor
    fish_offers 'cleat aws ' policy register provision
    fish_offers 'cleat doctor --cl' --clock --client-id
    fish_offers 'cleat run --chip s' sim: soft:
    fish_offers 'cleat run --chip sim:chips/o' sim:chips/one/
    fish_offers 'cleat run --set MQTT_CLEAN_SESSION=' MQTT_CLEAN_SESSION=0 MQTT_CLEAN_SESSION=1
    ok "fish: the same, asked with complete -C"
fi
