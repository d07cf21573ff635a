#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does by hand what docs/brokers.md says under "Mosquitto on this machine", with
# the commands and the configuration that stand there.
. "$(dirname "$0")/lib.sh"
doc=$PWD/docs/brokers.md
cd "$work"

# block N: the N-th fenced block of that section, without its indent.
block() {
    awk -v want="$1" '/^## / { inside = /Mosquitto on this machine/ }
        inside && /^ *```/ { fence = !fence; n += fence; next }
        inside && fence && n == want { sub(/^   /, ""); print }' "$doc"
}
block 1 >1.sh
grep -q 'cleat run --chip sim:my-chip' 1.sh || fail "step 1 is another"
status 2 bash -e 1.sh # nothing is configured: it shows the certificate, says what to set
status 0 ls my-chip/factory-ca.pem
block 2 >2.sh
bash -e 2.sh >2.out 2>&1 || fail "the openssl commands: $(cat 2.out)"
ok "chip, CA and broker certificate as the document makes them"

port=$(free_port)
block 3 | sed "s/^listener 8883/listener $port 127.0.0.1/" >broker.conf
grep -q "^listener $port" broker.conf || fail "the configuration is another"
[ "$(id -u)" -ne 0 ] || echo "user root" >>broker.conf
background broker mosquitto -v -c broker.conf
listening "$port"
block 4 | sed "\$s/\$/ --set MQTT_PORT=$port/" >4.sh
mkfifo in
bash -e 4.sh <in >4.out 2>4.err &
device=$!
pids+=("$device")
exec {input}>in
expect 4.out '^Press the user button' 20
ok "the device runs against that broker"

block 5 | sed "s/-p 8883/-p $port/" >5.txt
grep '^mosquitto_pub' 5.txt >pub.sh
grep '^mosquitto_sub' 5.txt | sed 's/$/ -C 1 -W 60/' >sub.sh
bash -e pub.sh
expect 4.out '^LED on$'
background sub bash -e sub.sh
sub=$last
expect broker.err 'Sending SUBACK to (auto|mosq)'
echo press >&"$input"
wait "$sub" || fail "the observer saw no press"
[ "$(cat sub.out)" = 'ledstatus TURN OFF' ] || fail "the observer saw: $(cat sub.out)"
ok "each direction alone, with the document's two commands"
echo quit >&"$input"
exec {input}>&-
wait "$device" || fail "the device did not end well"
