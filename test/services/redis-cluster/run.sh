#!/bin/sh
# Runs three Redis primaries that are one cluster. What they keep is in a folder each, below the current one.
# Arguments: the port of the first, then what is told to each. The others take the two ports after it; each has its bus at its port + 10000.
set -eu
first=$1
shift

# What a node knows of a member. Arguments: which, its flags.
member() {
  from=$(($1 * 5461))
  to=$(($1 == 2 ? 16383 : from + 5460))
  printf '%040d 127.0.0.1:%d@%d %s - 0 0 %d connected %d-%d\n' \
    "$(($1 + 1))" "$((first + $1))" "$((first + $1 + 10000))" "$2" "$(($1 + 1))" "$from" "$to"
}

nodes=
for index in 0 1 2; do
  port=$((first + index))
  mkdir -p "$port"
  # Each is told at every start who is in the cluster and whose the slots are. There is no meeting that could be cut short, and nobody
  # remembers that another one was taken for dead, which would last for 30 s.
  {
    for other in 0 1 2; do
      if [ "$other" = "$index" ]; then member "$other" myself,master; else member "$other" master; fi
    done
    echo 'vars currentEpoch 3 lastVoteEpoch 0'
  } > "$port/nodes.new"
  mv "$port/nodes.new" "$port/nodes.conf"
  redis-server --port "$port" --dir "$port" --cluster-enabled yes --cluster-announce-ip 127.0.0.1 \
    --save '' --appendonly yes --maxmemory-policy noeviction "$@" &
  nodes="$nodes $!"
done

trap "kill $nodes; wait" TERM INT
wait
