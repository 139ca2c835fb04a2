import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

// A shell that outlives this process whatever kills it, SIGKILL included: its input then ends, and
// it ends what is still on its list. A signal handler or an exit hook would miss some deaths and
// change how the process answers a Ctrl-C.
// A server that was stopped by SIGSTOP can only be told to quit after a SIGCONT. Folders are removed
// twice: a child that was just killed may have been writing.
const SCRIPT = `
PATH="$PATH:/usr/bin:/bin"
processes=''
folders=''
while read -r verb what signal; do
  case "$verb" in
    +process) processes="$processes $what:$signal" ;;
    -process) rest=''; for s in $processes; do [ "\${s%%:*}" = "$what" ] || rest="$rest $s"; done; processes=$rest ;;
    +folder) folders="$folders $what" ;;
    -folder) rest=''; for f in $folders; do [ "$f" = "$what" ] || rest="$rest $f"; done; folders=$rest ;;
  esac
done
[ -n "$processes$folders" ] || exit 0
for s in $processes; do
  pid=\${s%%:*}
  for child in $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do kill -s CONT "$child"; done
  kill -s "\${s##*:}" -- "-$pid"
  kill -s CONT -- "-$pid"
done
tries=0
for s in $processes; do
  while kill -0 "\${s%%:*}" && [ "$tries" -lt 80 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL -- "-\${s%%:*}"
done
for attempt in 1 2; do
  for f in $folders; do
    case "$f" in */poolkeeper-test-*) rm -rf "$f" ;; esac
  done
  sleep 0.5
done
`

let input: Writable | undefined

/** Ends the group that a process leads, with `signal`, when this process dies first. */
export function watchProcess(pid: number, signal: NodeJS.Signals): void {
  tell(`+process ${pid} ${signal.slice('SIG'.length)}`)
}

export function forgetProcess(pid: number): void {
  tell(`-process ${pid}`)
}

export function watchFolder(path: string): void {
  if (/\s/.test(path)) throw new Error(`a folder for tests must have no space in its path: ${path}`)
  tell(`+folder ${path}`)
}

export function forgetFolder(path: string): void {
  tell(`-folder ${path}`)
}

function tell(line: string): void {
  input ??= startWatchdog()
  input.write(`${line}\n`)
}

function startWatchdog(): Writable {
  const watchdog = spawn('/bin/sh', ['-c', SCRIPT], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watchdog.unref()
  watchdog.stdin.on('error', () => {})
  unrefPipe(watchdog.stdin)
  return watchdog.stdin
}

function unrefPipe(pipe: Writable & { unref?: () => unknown }): void {
  pipe.unref?.()
}
