#!/bin/sh
# Makes a workload trust childproof's certificates, where it has neither childproof nor Python. For any POSIX shell.
#
#   sh /run/childproof/ca/trust.sh -- COMMAND [ARG]...   set the variables, amend the bundles, become COMMAND
#   sh /run/childproof/ca/trust.sh --init --to FOLDER    only write: the merged bundle into FOLDER, and into bundles
#   sh /run/childproof/ca/trust.sh --print-env           the variables, as NAME=value
#   sh /run/childproof/ca/trust.sh --check               is everything in place? 6 where something is not
#   sh /run/childproof/ca/trust.sh --doctor              prove from in here what is trusted and what is closed
#
#   --ca FOLDER     where childproof publishes [the folder of this script]
#   --to FOLDER     where the merged bundle goes [$TMPDIR, or what else may be written]
#   --proxy URL     also set the variables of an explicit proxy
#   --java          also set JAVA_TOOL_OPTIONS; every JVM prints a line about it
#   --env-only      leave files alone
set -u

# Everything is done in a subshell (see the end): a variable of this script must not overwrite one of the workload's.
settings() {
  # The table. Variables that add to a client's own roots get the certificate, those that replace them the merged bundle.
  BARE="NODE_EXTRA_CA_CERTS DENO_CERT"
  MERGED="SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT CURL_CA_BUNDLE GIT_SSL_CAINFO npm_config_cafile BUNDLE_SSL_CA_CERT
CARGO_HTTP_CAINFO AWS_CA_BUNDLE GRPC_DEFAULT_SSL_ROOTS_FILE_PATH PERL_LWP_SSL_CA_FILE CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE
NIX_SSL_CERT_FILE HTTPLIB2_CA_CERTS"
  SWITCHES="UV_NATIVE_TLS UV_SYSTEM_CERTS"
  SYSTEM="/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt
/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/pki/tls/cacert.pem /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem
/etc/ssl/certs/ca-bundle.crt /usr/lib/ssl/cert.pem /usr/local/etc/ssl/cert.pem /var/lib/ca-certificates/ca-bundle.pem"
  NO_PROXIES="localhost,127.0.0.0/8,127.0.0.1,::1"
  LEAST_SIZE=8000 # bytes; a smaller file of such a name is somebody's own certificate
  MOST_FOUND=200  # files below the working directory
  SEARCH_SECONDS=10
  HOST=doctor.childproof.example PROXY_UID=15001
  PROBLEMS=0 SEEN=: TO='' PROXY='' JAVA=no FILES=yes MODE=run CONSUMED=0
}

say() { printf 'childproof trust: %s\n' "$*" >&2; }
fail() { code=$1; shift; say "$@"; exit "$code"; }
have() { command -v "$1" >/dev/null 2>&1; }

real() { readlink -f -- "$1" 2>/dev/null || printf '%s\n' "$1"; }

# The last whole line of each certificate in a file: its signature, and so enough to know it by.
marks() {
  last=
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *'END CERTIFICATE'*) [ -n "$last" ] && printf '%s\n' "$last"; last= ;;
      *) [ "${#line}" -eq 64 ] && last=$line ;;
    esac
  done <"$1"
}

trusts() {
  for mark in $MARKS; do grep -qF -- "$mark" "$1" 2>/dev/null || return 1; done
}

without() { sed '/^# childproof: begin/,/^# childproof: end/d' "$1"; }

# Whether a file holds exactly what it should: a retired authority goes, too.
current() {
  trusts "$1" || return 1
  inside=$(sed -n '/^# childproof: begin/,/^# childproof: end/p' "$1" 2>/dev/null)
  [ -z "$inside" ] || [ "$inside" = "$(block | sed 1d)" ]
}

block() {
  printf '\n# childproof: begin (the authority of this sandbox, added by trust.sh)\n'
  cat "$CERT" && printf '# childproof: end\n'
}

# Somewhere to write: a folder of our own, since others may write to /tmp as well.
choose_out() {
  if [ -n "$TO" ]; then
    mkdir -p "$TO" 2>/dev/null
    [ -w "$TO" ] || fail 4 "$TO can't be written; expected a folder that this user may write; write: --to FOLDER"
    OUT=$TO
    return 0
  fi
  for base in "${TMPDIR:-}" /tmp /var/tmp /dev/shm "${HOME:-}"; do
    OUT=$base/childproof-trust-$(id -u 2>/dev/null)
    [ -n "$base" ] && mkdir -p "$OUT" 2>/dev/null && [ -O "$OUT" ] && [ ! -L "$OUT" ] && [ -w "$OUT" ] && return
  done
  OUT=
}

# A folder of our own for drafts, in the folder where they are to be: others may write there, and would put links in their way.
nest() {
  NEST=$1/.childproof.$$
  mkdir "$NEST" 2>/dev/null || { rm -rf "$NEST" && mkdir "$NEST"; } 2>/dev/null
}

unnest() { rm -rf "$NEST" 2>/dev/null; }

# Put what comes in into the place of a file.
put() {
  nest "${1%/*}" && cat >"$NEST/new" 2>/dev/null && chmod 644 "$NEST/new" && mv -f "$NEST/new" "$1" 2>/dev/null
  failed=$?
  unnest
  return "$failed"
}

# The workload's own roots: what it was told to use, else the system's first bundle. Ours is left out.
roots() {
  for file in "${SSL_CERT_FILE:-}" "${NIX_SSL_CERT_FILE:-}" $SYSTEM; do
    case $file in '' | "$CA"/* | "${OUT:-/nowhere}"/*) continue ;; esac
    if grep -q 'BEGIN CERTIFICATE' "$file" 2>/dev/null; then
      without "$file" 2>/dev/null || cat "$file"
      return 0
    fi
  done
  return 1
}

merge() {
  BUNDLE=$CA/bundle.pem
  [ -n "$OUT" ] || return 0
  if nest "$OUT" && { roots && block; } >"$NEST/new" 2>/dev/null && chmod 644 "$NEST/new" &&
    mv -f "$NEST/new" "$OUT/bundle.pem"; then
    BUNDLE=$OUT/bundle.pem
  fi # else there are no roots here, or no room: childproof's own roots and certificate
  unnest
}

# --- variables ---

proxy_host() { rest=${PROXY#*://}; rest=${rest%%/*}; printf '%s\n' "${rest%:*}"; }
proxy_port() { rest=${PROXY#*://}; rest=${rest%%/*}; printf '%s\n' "${rest##*:}"; }

java_options() {
  options="-Djavax.net.ssl.trustStore=$CA/cacerts.jks"
  if [ -n "$PROXY" ]; then
    for scheme in http https; do
      options="$options -D$scheme.proxyHost=$(proxy_host) -D$scheme.proxyPort=$(proxy_port)"
    done
  fi
  case " ${JAVA_TOOL_OPTIONS:-} " in
    *" $options "*) printf '%s\n' "$JAVA_TOOL_OPTIONS" ;;
    *) printf '%s\n' "${JAVA_TOOL_OPTIONS:+$JAVA_TOOL_OPTIONS }$options" ;;
  esac
}

# Call $1 with each variable and its value.
each_variable() {
  for name in $BARE; do "$1" "$name" "$CERT"; done
  for name in $MERGED; do "$1" "$name" "$BUNDLE"; done
  for name in $SWITCHES; do "$1" "$name" 1; done
  # wget with GnuTLS, as Debian builds it, reads no variable but this, which stands for ~/.wgetrc.
  if [ -z "${WGETRC:-}" ] && [ ! -e "${HOME:-/nowhere}/.wgetrc" ] && [ -e "$CA/wgetrc" ]; then "$1" WGETRC "$CA/wgetrc"; fi
  [ "$JAVA" = no ] || "$1" JAVA_TOOL_OPTIONS "$(java_options)"
  [ -n "$PROXY" ] || return 0
  for name in HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy; do "$1" "$name" "$PROXY"; done
  for name in NO_PROXY no_proxy; do "$1" "$name" "$NO_PROXIES"; done
  "$1" NODE_USE_ENV_PROXY 1
}

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

export_variable() { printf 'export %s=%s\n' "$1" "$(quoted "$2")"; }

# With quotes only where a shell needs them: other readers of such files take them literally.
print_variable() {
  case $2 in
    *[!A-Za-z0-9_./:,@%+=-]*) printf "%s='%s'\n" "$1" "$(printf '%s' "$2" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s=%s\n' "$1" "$2" ;;
  esac
}

check_variable() {
  [ "$1" != WGETRC ] || return 0
  case $2 in /*) eval "value=\${$1:-}" ;; *) return 0 ;; esac
  if [ -z "$value" ]; then
    problem "$1 is not set; write: sh $0 -- COMMAND"
  elif ! trusts "$value"; then
    problem "$1 names $value, which lacks the certificate; write: $1=$2"
  fi
}

# --- bundles that clients bring along and read whatever the variables say ---

problem() { PROBLEMS=$((PROBLEMS + 1)); say "$@"; }

amend() {
  current "$1" && return 0
  file=$(real "$1")
  # A copy that takes the file's place: package managers link one file into many environments.
  nest "${file%/*}" && draft=$NEST/new && cp -p "$file" "$draft" 2>/dev/null && without "$file" >"$draft" &&
    block >>"$draft" && mv -f "$draft" "$file" 2>/dev/null
  failed=$?
  unnest
  [ "$failed" -ne 0 ] || return 0
  if [ -w "$file" ] && [ -n "$OUT" ]; then # mounted by itself, so nothing can take its place
    nest "$OUT" && draft=$NEST/new && without "$file" >"$draft" && block >>"$draft" && cat "$draft" 2>/dev/null >"$file"
    failed=$?
    unnest
    [ "$failed" -ne 0 ] || return 0
  fi
  problem "$file can't be changed, so its clients won't trust childproof; in the image's build or an init step as a user who may write it: sh trust.sh --init"
}

check_bundle() {
  trusts "$1" || problem "$1 lacks the certificate; write: sh $0 --init, as a user who may write it"
}

is_bundle() {
  size=$(wc -c <"$1" 2>/dev/null) || return 1
  [ "$size" -ge "$LEAST_SIZE" ] && grep -q 'BEGIN CERTIFICATE' "$1" 2>/dev/null
}

consider() {
  [ -f "$1" ] || return 0
  case $SEEN in *":$1:"*) return 0 ;; esac
  SEEN=$SEEN$1:
  is_bundle "$1" && "$ACTION" "$1"
}

in_packages() {
  for package in "$1"/*; do
    for inner in cacert.pem cacerts.txt ca-certificates.crt data/ca-certificates.crt data/cacert.pem \
      _vendor/certifi/cacert.pem _cython/_credentials/roots.pem; do
      [ -f "$package/$inner" ] && consider "$package/$inner"
    done
  done
}

in_prefix() {
  [ -d "$1" ] || return 0
  for site in "$1"/lib/python3*/site-packages "$1"/lib/python3/dist-packages "$1"/lib/python3*/dist-packages \
    "$1"/local/lib/python3*/dist-packages "$1"/lib64/python3*/site-packages; do
    case $SEEN in *":$site:"*) continue ;; esac
    SEEN=$SEEN$site:
    [ -d "$site" ] && in_packages "$site"
  done
}

of_program() {
  for program in "$1" "$(real "$1")"; do
    case $program in /*) prefix=${program%/*}; in_prefix "${prefix%/*}" ;; esac
  done
}

# The command's own interpreter: itself, or what its first line names.
of_command() {
  found=$(command -v -- "$1" 2>/dev/null) || return 0
  case $found in /*) ;; *) return 0 ;; esac
  of_program "$found"
  IFS= read -r first <"$found" 2>/dev/null || return 0
  case $first in
    '#!'*) first=${first#??}; first=${first# }; of_program "${first%% *}" ;;
  esac
}

in_path() {
  paths=${PATH:-}:
  while [ -n "$paths" ]; do
    place=${paths%%:*}
    paths=${paths#*:}
    for python in "$place"/python "$place"/python3 "$place"/python3.[0-9]*; do
      case ${python##*/} in *-*) continue ;; esac
      [ -f "$python" ] && of_program "$python"
    done
  done
}

around() {
  place=$(pwd)
  while :; do
    for folder in .venv venv env; do in_prefix "$place/$folder"; done
    case $place in / | '') break ;; esac
    place=${place%/*}
    place=${place:-/}
  done
}

below() {
  have find || return 0
  limit=
  have timeout && limit="timeout $SEARCH_SECONDS"
  found=$($limit find . -xdev \( -name .git -o -name .hg -o -name __pycache__ -o -path ./proc -o -path ./sys \) -prune -o \
    \( -name cacert.pem -o -name cacerts.txt -o -name cacerts.pem -o -name ca-certificates.crt -o -name ca-bundle.crt \
    -o -name ca-bundle.pem -o -name roots.pem \) -type f -print 2>/dev/null | head -n "$MOST_FOUND")
  while IFS= read -r path; do
    [ -n "$path" ] && consider "$(pwd)/${path#./}"
  done <<END
$found
END
}

each_bundle() {
  ACTION=$1
  shift
  for file in $SYSTEM; do
    [ -f "$file" ] && file=$(real "$file") && case $SEEN in
      *":$file:"*) ;;
      *) SEEN=$SEEN$file:; "$ACTION" "$file" ;;
    esac
  done
  for prefix in "${VIRTUAL_ENV:-}" "${CONDA_PREFIX:-}" "${UV_PROJECT_ENVIRONMENT:-}" /usr /usr/local /opt/conda; do
    [ -n "$prefix" ] && in_prefix "$prefix"
  done
  around
  [ "$#" -eq 0 ] || of_command "$1"
  in_path
  case ${HOME:-} in
    /?*)
      for prefix in "$HOME/.local" "$HOME"/.pyenv/versions/* "$HOME"/.local/share/uv/python/* \
        "$HOME"/.local/share/uv/tools/* "$HOME"/.local/share/pipx/venvs/* "$HOME"/.local/pipx/venvs/*; do
        in_prefix "$prefix"
      done
      ;;
  esac
  for gem in /var/lib/gems/*/gems/* /usr/share/rubygems-integration/*/gems/* "${GEM_HOME:-/nowhere}"/gems/* \
    "${HOME:-/nowhere}"/.local/share/gem/ruby/*/gems/* /usr/local/bundle/gems/*; do
    for file in "$gem"/lib/data/ca-certificates.crt "$gem"/lib/*/cacert.pem; do consider "$file"; done
  done
  paths=${PYTHONPATH:-}:
  while [ -n "$paths" ]; do
    [ -n "${paths%%:*}" ] && in_packages "${paths%%:*}"
    paths=${paths#*:}
  done
  below
}

# --- stores that are no PEM files ---

keytool_for() {
  for tool in "${1%/lib/security/cacerts}/bin/keytool" "${1%/jre/lib/security/cacerts}/bin/keytool"; do
    [ -x "$tool" ] && printf '%s\n' "$tool" && return
  done
  command -v keytool
}

java_store() {
  store=$(real "$1")
  case $SEEN in *":$store:"*) return 0 ;; esac
  SEEN=$SEEN$store:
  if [ -w "$store" ] && [ -n "$OUT" ] && tool=$(keytool_for "$1") && nest "$OUT"; then
    number=0
    for mark in $MARKS; do
      number=$((number + 1))
      alias=childproof-$(printf '%s' "$mark" | tr -dc 'A-Za-z0-9' | tr '[:upper:]' '[:lower:]')
      "$tool" -list -keystore "$store" -storepass changeit -alias "$alias" >/dev/null 2>&1 && continue
      single "$number" >"$NEST/one"
      "$tool" -importcert -noprompt -keystore "$store" -storepass changeit -alias "$alias" -file "$NEST/one" \
        >/dev/null 2>&1 || java_problem "$store"
    done
    unnest
  else
    java_problem "$store"
  fi
}

java_problem() {
  problem "$1 can't be changed, so Java won't trust childproof; write: --java (it sets JAVA_TOOL_OPTIONS), or -Djavax.net.ssl.trustStore=$CA/cacerts.jks"
}

# The certificate of that number in the file.
single() {
  count=1
  while IFS= read -r line; do
    [ "$count" -eq "$1" ] && printf '%s\n' "$line"
    case $line in *'END CERTIFICATE'*) count=$((count + 1)) ;; esac
  done <"$CERT"
}

each_store() {
  [ "$JAVA" = no ] || return 0
  if have java; then
    home=$(real "$(command -v java)")
    home=${home%/bin/java}
  fi
  for store in /etc/ssl/certs/java/cacerts /usr/lib/jvm/*/lib/security/cacerts /usr/lib/jvm/*/jre/lib/security/cacerts \
    /opt/java/*/lib/security/cacerts "${JAVA_HOME:-/nowhere}/lib/security/cacerts" "${home:-/nowhere}/lib/security/cacerts" \
    "${HOME:-/nowhere}"/.sdkman/candidates/java/*/lib/security/cacerts; do
    [ -f "$store" ] && java_store "$store"
  done
}

chromium() {
  have certutil && case ${HOME:-} in /?*) ;; *) return 0 ;; esac || return 0
  if [ ! -d "$HOME/.pki/nssdb" ]; then
    have chromium || have google-chrome || have chrome || return 0
    mkdir -p "$HOME/.pki/nssdb" 2>/dev/null && certutil -d "sql:$HOME/.pki/nssdb" -N --empty-password 2>/dev/null
  fi
  certutil -d "sql:$HOME/.pki/nssdb" -A -t C,, -n childproof -i "$CERT" 2>/dev/null ||
    problem "$HOME/.pki/nssdb can't be changed, so Chromium won't trust childproof"
}

# --- proving it from in here ---

found() { # mark, what, note
  case $1 in no) PROBLEMS=$((PROBLEMS + 1)); sign='✗' ;; yes) sign='✓' ;; *) sign='-' ;; esac
  printf '  %s %s%s\n' "$sign" "$2" "${3:+   $3}"
}

# $1 is the client's name; the rest is a command that prints an HTTP status if and only if it trusts us.
client() {
  label=$1
  shift
  have "$1" || return 0
  said=$("$@" 2>&1 </dev/null)
  case $said in
    *'[status 000]'*) found no "$label" "$(printf '%s\n' "$said" | head -n 1)" ;;
    *'[status '[2-5][0-9][0-9]']'* | *'ERROR '[2-5][0-9][0-9]* | *'HTTP/1.1 '[2-5][0-9][0-9]* | *'error: '[2-5][0-9][0-9]*)
      found yes "$label trusts childproof" ;;
    *) found no "$label does not trust childproof" "$(printf '%s\n' "$said" | tail -n 1)" ;;
  esac
}

capability() { # number, name
  if [ $((0x$CAPABILITIES >> $1 & 1)) -eq 0 ]; then
    found yes "no $2"
  else
    found no "has $2" "drop it: securityContext.capabilities.drop: [ALL]"
  fi
}

doctor() {
  url=https://$HOST/
  printf 'clients\n'
  client curl curl -sS -m 20 -o /dev/null -w '[status %{http_code}]' "$url"
  client wget wget -T 20 -O /dev/null "$url"
  client git git -c http.lowSpeedTime=20 -c http.lowSpeedLimit=1 ls-remote "${url}repo.git"
  client python python3 -c "
import urllib.request, urllib.error
try: status = urllib.request.urlopen('$url', timeout=20).status
except urllib.error.HTTPError as error: status = error.code
print('[status %d]' % status)"
  client node node -e "require('https').get('$url', r => { console.log('[status ' + r.statusCode + ']'); process.exit() }).on('error', e => console.log(e.code))"
  if have openssl && [ -z "${https_proxy:-}${HTTPS_PROXY:-}" ]; then
    client openssl sh -c "printf 'GET / HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n' | openssl s_client -quiet \
      -verify_return_error -CAfile '$CERT' -connect $HOST:443 -servername $HOST"
  fi
  printf 'what is closed\n'
  if have curl; then
    for address in 192.0.2.1 '[2001:db8::1]'; do
      curl -sS -m 5 --noproxy '*' -o /dev/null "http://$address:9/" >/dev/null 2>&1
      case $? in
        28) found no "TCP to $address" "no answer in 5 s: something let it out; is the redirection in this network namespace?" ;;
        *) found yes "TCP to $address goes nowhere" ;;
      esac
    done
  else
    found skip 'TCP to other addresses' 'not tried: there is no curl'
  fi
  if [ -r /proc/self/status ]; then
    CAPABILITIES=$(sed -n 's/^CapPrm:[[:space:]]*//p' /proc/self/status)
    capability 7 SETUID
    capability 12 NET_ADMIN
    capability 13 NET_RAW
    capability 19 SYS_PTRACE
    capability 21 SYS_ADMIN
  fi
  if [ "$(id -u)" -ne "$PROXY_UID" ]; then
    found yes "not the proxy's user"
  else
    found no "this is the proxy's user ($PROXY_UID), who may leave" "run the workload as another one"
  fi
  for key in "$CA"/*.key "$CA/childproof-ca.pem" /var/lib/childproof/childproof-ca.pem; do
    if grep -q 'PRIVATE KEY' "$key" 2>/dev/null; then found no "the authority's key can be read" "$key"; fi
  done
  found skip 'UDP, DNS, becoming the proxy' "tried by: childproof doctor --workload"
}

# --- what was asked for ---

main() {
  settings
  case $0 in */*) CA=${0%/*} ;; *) CA=. ;; esac
  [ -f "$CA/childproof-ca-cert.pem" ] || CA=/run/childproof/ca
  while [ "$#" -gt 0 ]; do
    case $1 in
      --) shift; CONSUMED=$((CONSUMED + 1)); break ;;
      --init | --print-env | --check | --doctor) MODE=${1#--} ;;
      --ca | --to | --proxy)
        [ "$#" -ge 2 ] || fail 2 "$1 needs a value"
        case $1 in --ca) CA=$2 ;; --to) TO=$2 ;; --proxy) PROXY=$2 ;; esac
        shift
        CONSUMED=$((CONSUMED + 1)) ;;
      --java) JAVA=yes ;;
      --env-only) FILES=no ;;
      -h | --help) sed -n '2,/^set -u/s/^#\( \|$\)//p' "$0"; exit 0 ;;
      -*) fail 2 "unknown option $1; write: sh $0 --help" ;;
      *) break ;;
    esac
    shift
    CONSUMED=$((CONSUMED + 1))
  done
  [ "$MODE" != run ] || [ "$#" -gt 0 ] || fail 2 "no command; write: sh $0 -- COMMAND"
  case $PROXY in '' | http://*:[0-9]*) ;; *) fail 2 "--proxy $PROXY is no proxy's URL; write: --proxy http://127.0.0.1:8080" ;; esac

  CERT=$CA/childproof-ca-cert.pem
  [ -r "$CERT" ] || fail 2 "$CERT isn't there; expected the folder where childproof publishes (ca.publish); write: --ca FOLDER"
  case $CA in /*) ;; *) CA=$(cd "$CA" && pwd); CERT=$CA/childproof-ca-cert.pem ;; esac
  MARKS=$(marks "$CERT")
  [ -n "$MARKS" ] || fail 2 "$CERT holds no certificate"
  umask 022
  choose_out

  case $MODE in
    check)
      BUNDLE=$CA/bundle.pem
      each_variable check_variable
      [ "$FILES" = no ] || each_bundle check_bundle "$@"
      [ "$PROBLEMS" -eq 0 ] || exit 6
      exit 0 ;;
    doctor)
      doctor
      [ "$PROBLEMS" -eq 0 ] || exit 6
      exit 0 ;;
  esac

  merge
  if [ "$FILES" = yes ] && [ "$MODE" != print-env ]; then
    each_bundle amend "$@"
    each_store
    chromium
  fi
  case $MODE in
    init) [ -z "$OUT" ] || put "$OUT/ca.pem" <"$CERT"; exit 0 ;;
    print-env) each_variable print_variable; exit 0 ;;
  esac
  {
    each_variable export_variable
    # shellcheck disable=SC2016 # for the shell that reads it
    printf 'shift %s; exec "$@" 8>&-\n' "$CONSUMED"
  } >&9
}

# What main writes to descriptor 9 is done here: nothing, an exit, or the variables and the command.
{ eval "$( (main "$@" 9>&1 >&8 </dev/null) || printf 'exit %s' "$?")"; } 8>&1
