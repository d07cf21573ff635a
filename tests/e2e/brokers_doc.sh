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
background broker mosquitto -c broker.conf
listening "$port"
block 4 | sed "\$s/\$/ --set MQTT_PORT=$port/" >4.sh
printf 'press\nwait led on\nquit\n' | bash -e 4.sh >4.out 2>4.err
expect 4.out '^LED on$' 0
ok "the device runs against that broker"
