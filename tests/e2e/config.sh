#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Settings of a host: file, environment, --set and their order; what is wrong
# in them is named with its place, and secrets are not shown.
. "$(dirname "$0")/lib.sh"
cd "$work"

value() { # value NAME: "VALUE from ORIGIN" of the last list
    awk -v name="$1" '$1 == name { sub(/^[^=]*= ?/, ""); v = $0; getline; getline; sub(/.*; from /, ""); print v " from " $0 }' cmd.out
}
is() { # is NAME "VALUE from ORIGIN"
    [ "$(value "$1")" = "$2" ] || fail "$1 is \"$(value "$1")\", not \"$2\""
}

status 0 cleat config list
is MQTT_PORT '8883 from default'
[ "$(grep -c '; from ' cmd.out)" -ge 42 ] || fail "settings are missing in the list"
printf '; mine\n[broker]\nMQTT_PORT = 1\nMQTT_PUB_TOPIC = of file\nMQTT_SUB_TOPIC = of file\nMQTT_PASSWORD = hunter2\n' >cleat.conf
status 0 env CLEAT_MQTT_PUB_TOPIC='of environment' CLEAT_MQTT_SUB_TOPIC=x \
    cleat config list --set 'MQTT_SUB_TOPIC=of = set'
is MQTT_PORT '1 from cleat.conf'
is MQTT_PUB_TOPIC 'of environment from environment'
is MQTT_SUB_TOPIC 'of = set from --set'
is MQTT_PASSWORD '(set) from cleat.conf'
refuse cmd.out hunter2
ok "later wins: default, file, environment, --set; a password is not shown"

status 0 cleat config list --json
if command -v python3 >/dev/null; then
    python3 -c 'import json,sys; d={r["name"]: r for r in json.load(open("cmd.out"))}; r=d["MQTT_PORT"]; assert r["value"] == "1" and r["origin"] == "cleat.conf" and r["default"] == "8883", r'
fi
refuse cmd.out hunter2
ok "as JSON too"

printf 'MQTT_PORT = 2\n' >other.conf
status 0 cleat config list --config other.conf
is MQTT_PORT '2 from other.conf'
status 0 env CLEAT_CONFIG=other.conf cleat config list
is MQTT_PORT '2 from other.conf'
long=$(printf 'n%.0s' $(seq 100)).conf
printf 'MQTT_PORT = 3\nMQTT_PORT = 4\n' >"$long"
status 2 cleat config list --config "$long"
expect cmd.err 'MQTT_PORT is set twice' 0
printf 'MQTT_PORT = 5\n' >default
status 0 cleat config list --config default
is MQTT_PORT '5 from default'
status 2 cleat config list --config nothing.conf
expect cmd.err 'nothing.conf: No such file' 0
ok "--config and CLEAT_CONFIG name the file, whatever it is called"

wrong() { # wrong PATTERN LINES: the file is refused with these words
    printf '%b' "$2" >bad.conf
    status 2 cleat config list --config bad.conf
    grep -qE -- "$1" cmd.err || fail "no \"$1\" in: $(cat cmd.err)"
}
wrong 'did you mean MQTT_PORT' 'MQTT_PROT = 1\n'
wrong 'MQTT_PORT: "0" is not valid: use a number from 1 to 65535' 'MQTT_PORT = 0\n'
wrong 'MQTT_PORT is set twice' 'MQTT_PORT = 1\nMQTT_PORT = 1\n'
wrong 'line 2 is not NAME = VALUE' '; x\nnonsense\n'
wrong 'longer than 199' "MQTT_WILL_MESSAGE = $(printf 'x%.0s' $(seq 300))\n"
status 2 cleat config list --set MQTT_PORT
expect cmd.err 'is not NAME=VALUE' 0
status 2 env CLEAT_MQTT_MESSAGES_QOS=3 cleat config list
expect cmd.err 'environment: MQTT_MESSAGES_QOS: "3"' 0
status 0 env CLEAT_NONSENSE=1 cleat config list
expect cmd.err 'CLEAT_NONSENSE in the environment is no setting' 0
ok "what is wrong is refused with its place and its range"

make_ca ca
{
    printf 'MQTT_BROKER_ADDRESS = localhost\nROOT_CA_CERTIFICATE = '
    sed '2,$s/^/  /' ca.pem
    printf 'MQTT_PORT = 9\n'
} >pem.conf
status 0 cleat config check --config pem.conf
status 0 cleat config list --config pem.conf
is MQTT_PORT '9 from pem.conf'
expect cmd.out '^ROOT_CA_CERTIFICATE = -----BEGIN CERTIFICATE' 0
rm cleat.conf
status 2 cleat config check --set MQTT_SECURE_CONNECTION=0
expect cmd.err 'MQTT_BROKER_ADDRESS is not set' 0
ok "a PEM text may stand in the file; check says what is missing"
