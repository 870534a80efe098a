# Words for what breaks, and for mending it again: read by a shell before each of the scripts in failures.rs.
units="daypass-agent.socket daypass-principals.socket daypass-agent.service"
agent() { systemctl show --value --property=MainPID daypass-agent; }
stand_in() {
    systemctl stop $units
    systemd-run --quiet --unit=stand-in python3 /root/stand_in.py "$@"
    timeout 60 sh -c 'until journalctl --unit=stand-in --output=cat | grep -q listening; do :; done'
}
stand_down() { systemctl stop stand-in; rm -f /run/daypass/agent.sock /run/daypass/principals.sock; }
inject() {
    systemd-run --quiet --unit=inject strace -f -o /root/injected -e "trace=${1%%:*}" -e "inject=$1" -p "$2"
    for pid in $(echo "$2" | tr , ' '); do
        timeout 60 sh -c "while grep -q '^TracerPid:.0$' /proc/$pid/task/*/status; do :; done"
    done
}
small_disk() {
    # With its sockets: somebody who asks must not start it while the journal is on its way.
    systemctl stop $units
    cp -a /var/log/daypass/journal /root/journal
    mount -t tmpfs -o size=80m,mode=755 small /var/log/daypass
    mv /root/journal /var/log/daypass/
    # What a copy does not carry over: the room of the segment that grows, and of the next.
    last=$(ls /var/log/daypass/journal/*.jsonl | tail -n 1)
    fallocate --keep-size --length 16M "$last"
    systemctl start $units
    timeout 60 sh -c 'until [ $(du -m /var/log/daypass/journal/reserve | cut -f1) -ge 16 ]; do :; done'
}
whole_disk() {
    systemctl stop $units
    cp -a /var/log/daypass/journal /root/journal
    umount /var/log/daypass
    chattr -R -f -a /var/log/daypass/journal || true
    rm -rf /var/log/daypass/journal
    mv /root/journal /var/log/daypass/
}
clock() {
    mkdir -p /run/systemd/system/daypass-agent.service.d
    printf '[Service]\nEnvironment=LD_PRELOAD=%s FAKETIME=%s FAKETIME_DONT_FAKE_MONOTONIC=1\n' \
        /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 "$1" \
        > /run/systemd/system/daypass-agent.service.d/clock.conf
    systemctl daemon-reload
    systemctl restart daypass-agent
}
clock_right() {
    rm -r /run/systemd/system/daypass-agent.service.d
    systemctl daemon-reload
    systemctl restart daypass-agent
}
heal() {
    rm -f /run/daypass/unanswered
    systemctl reset-failed $units
    systemctl start $units
}
