#!/usr/bin/env bash
# school-day.sh URL FOLDER: a day of a school, through the gateway. An owner registers and invites a teacher; the teacher makes a class,
# uploads documents, makes a tutor and shares it; two students join by a code, ask in two languages, branch an answer, talk, make a
# roadmap and practise; the teacher sees what was agreed to and the students see that they were looked at; one takes all with them and
# deletes themselves. Exit status: 0 all passed, 1 something failed, 2 it could not begin.
#
#   ./school-day.sh http://127.0.0.1:8080 ~/lessons
#
# FOLDER   holds lesson.pdf (it speaks of photosynthesis), lesson.pptx and lesson.docx (in Chinese, of 光合作用)
# SETUP    the setup code, where registration is not open; INSECURE=1: accept any certificate; TIMEOUT seconds for a wait (60)
# KEEP     a file: the ids of who was deleted, and a word that only they wrote, are written there
# What it makes stays, but for the student who is deleted. Needs bash, curl and node 18.
set -uo pipefail

url=${1:-} lessons=${2:-}
[[ $url =~ ^https?:// && -f $lessons/lesson.pdf && -f $lessons/lesson.pptx && -f $lessons/lesson.docx ]] ||
  { echo "usage: $0 URL FOLDER (with lesson.pdf, lesson.pptx and lesson.docx)" >&2; exit 2; }
url=${url%/}
here=$(cd "$(dirname "$0")" && pwd)
for program in curl node; do
  command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 2; }
done
export TIMEOUT=${TIMEOUT:-60} INSECURE=${INSECURE:-}

folder=$(mktemp -d) status='' body='' token=''
trap 'rm -rf "$folder"' EXIT
id=$RANDOM$RANDOM password="a long password of $id" secret="kept-by-mei-$id"
pdf=application/pdf
pptx=application/vnd.openxmlformats-officedocument.presentationml.presentation
docx=application/vnd.openxmlformats-officedocument.wordprocessingml.document

ok() { printf 'ok      %s\n' "$*"; }
# What comes later needs what came before.
bad() { printf 'FAILED  %s\n' "$*"; exit 1; }

# ask METHOD PATH [curl's options]: as whose token is set; sets status and body. curl reads the token from a file: ps shows arguments.
ask() {
  local method=$1 path=$2
  shift 2
  status=$(curl -sS ${INSECURE:+-k} --max-time "$TIMEOUT" -X "$method" -o "$folder/body" -w '%{http_code}' \
    -K <([[ -z $token ]] || printf 'header = "Authorization: Bearer %s"\n' "$token") "$@" "$url$path" 2>"$folder/trouble") || status=000
  body=$(tr -d '\0' < "$folder/body" 2>/dev/null)
  [[ $status != 000 ]] || body=$(cat "$folder/trouble")
}
# json METHOD PATH BODY
json() { ask "$1" "$2" -H 'Content-Type: application/json' --data-binary "$3"; }
# expect STATUS WHAT
expect() { [[ $status == "$1" ]] || bad "$2: HTTP $status instead of $1: ${body:0:400}"; }
# get EXPRESSION: of the last body, as the JavaScript value `v`; empty if there is none.
get() { node -e 'try { const v = JSON.parse(process.argv[1]); const r = eval(process.argv[2]); if (r != null) console.log(String(r)) } catch {}' "$body" "$1"; }
# until WHAT EXPRESSION METHOD PATH: asks until the expression is true of the answer.
until_true() {
  local what=$1 expression=$2 end=$(( SECONDS + TIMEOUT ))
  shift 2
  while ask "$@"; [[ $status != 2* || $(get "$expression") != true ]]; do
    (( SECONDS < end )) || bad "$what: not within $TIMEOUT s; HTTP $status: ${body:0:400}"
    sleep 0.2
  done
}

# register NAME [FIELDS]: sets token and, by the name, the subject.
register() {
  token=''
  json POST /api/auth/register "{\"username\":\"$1-$id\",\"name\":\"$1\",\"password\":\"$password\"${2:-}}"
  expect 201 "$1 registers"
  json POST /api/auth/login "{\"username\":\"$1-$id\",\"password\":\"$password\"}"
  expect 200 "$1 signs in"
  token=$(get v.access_token)
  printf -v "$1" '%s' "$token"
  printf -v "$1_subject" '%s' "$(get v.account.id)"
  ok "$1 registers and signs in: $(get v.account.role)"
}

# chat BODY: asks, and reads the answer to its end; the events are in $folder/events. Sets conversation and message.
chat() {
  curl -sSN ${INSECURE:+-k} --max-time "$TIMEOUT" -K <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
    -H 'Content-Type: application/json' --data-binary "$1" "$url/chat" > "$folder/events" 2>&1
  grep -q '^event: end' "$folder/events" || bad "an answer does not end: $(head -c 400 "$folder/events")"
  body=$(sed -n '/^event: start/,/^$/s/^data: //p' "$folder/events" | head -n 1)
  conversation=$(get v.conversation_id) message=$(get v.message_id)
  body=$(sed -n '/^event: end/,/^$/s/^data: //p' "$folder/events" | head -n 1)
}

# The morning: an organisation, a teacher, a class.
register owner ${SETUP:+",\"setup_code\":\"$SETUP\""}
[[ $(get v.account.role) == owner ]] || bad "who founds an organisation owns it: $body"
json POST /api/auth/invitations '{"role":"teacher","note":"the teacher of biology"}'
expect 201 'the owner invites a teacher'
register teacher ",\"invitation_code\":\"$(get v.code)\""
[[ $(get v.account.role) == teacher ]] || bad "the invitation makes a teacher: $body"

json POST /api/classes '{"name":"生物 7b","visibility":"conversations"}'
expect 201 'the teacher makes a class'
class=$(get v.id)
json POST /api/auth/invitations "{\"role\":\"student\",\"class_id\":\"$class\",\"uses\":30,\"note\":\"join code\"}"
expect 201 'a join code'
code=$(get v.code)

kb=biology-$id
json PUT "/api/kb/$kb" '{"title":"Biology"}'
expect 201 'a knowledge base'
for kind in pdf pptx docx; do
  ask POST "/api/kb/$kb/documents?name=lesson.$kind" -H "Content-Type: ${!kind}" --data-binary "@$lessons/lesson.$kind"
  expect 202 "upload lesson.$kind"
done
until_true 'the documents are read' 'v.documents.length === 3 && v.documents.every(d => d.status === "ready")' GET "/api/kb/$kb/documents"
ok 'a PDF, a PPTX and a DOCX are read'

json POST /api/tutors "{\"name\":\"Flora\",\"subject\":\"biology\",\"instructions\":\"Be kind. Word of the staff room: mitochondria-$id\",\"kb_id\":\"$kb\"}"
expect 201 'a tutor'
tutor=$(get v.id)
json POST "/api/classes/$class/shares" "{\"kind\":\"tutor\",\"id\":\"$tutor\"}"
expect 201 'the tutor is shared with the class'
ok 'a tutor is shared with a class'

# Two students.
token=''
ask GET "/api/classes/join/$code"
expect 200 'what a code is for'
[[ $(get v.visibility) == conversations ]] || bad "what teachers will see is said before joining: $body"
for student in ben mei; do
  register "$student" ",\"invitation_code\":\"$code\""
  [[ $(get v.account.role) == student ]] || bad "a join code makes a student: $body"
done
ok 'two students join by a code'

token=$mei
ask GET /api/me/tutors
expect 200 'the tutors that a student may use'
[[ $(get 'v.tutors.length') == 1 && $body != *mitochondria* ]] || bad "a student uses the shared tutor, and does not read its instructions: $body"
ask GET "/api/tutors/$tutor"
[[ $status == 403 || $status == 404 ]] || bad "a student reads a tutor: HTTP $status"
ask GET "/api/classes/$class/overview"
[[ $status == 403 || $status == 404 ]] || bad "a student sees the overview: HTTP $status"

chat "{\"message\":\"What is photosynthesis? I call it $secret.\",\"tutor_id\":$tutor}"
english=$conversation first=$message
[[ $(get 'v.sources.some(s => /page \d/.test(s.title + s.source + (s.section ?? "")))') == true ]] || bad "a source with its page: ${body:0:600}"
ok 'a question in English, cited with its page'
chat "{\"message\":\"什么是光合作用?\",\"tutor_id\":$tutor}"
[[ $(get 'v.sources.some(s => s.source === "lesson.docx")') == true ]] || bad "a source in Chinese: ${body:0:600}"
ok 'a question in Chinese, cited'

json POST /chat "{\"conversation_id\":\"$english\",\"regenerate_of\":\"$first\"}" -N
expect 200 'another answer to the same question'
ask GET "/api/conversations/$english/messages?all=true"
expect 200 'the messages of all branches'
[[ $(get 'v.messages.filter(m => m.role === "assistant").length') == 2 ]] || bad "two branches: ${body:0:600}"
ok 'an answer is branched'

json POST "/api/tutors/$tutor/sessions" '{"student_id":"somebody else"}'
expect 201 'a live session'
if said=$(node "$here/talk.mjs" "$(get v.engine_url)" 'What is photosynthesis?' 2>&1); then ok "a live session: ${said:0:80}"; else bad "a live session: ${said:0:300}"; fi

json POST /api/v1/roadmaps/generate '{"user_query":"Learn Python web development","preferences":{"weekly_commitment_hours":5,"learning_style":["visual"],"primary_language":"en"}}'
expect 202 'a roadmap'
task=$(get v.task_id)
until_true 'the roadmap is made' 'v.status === "completed"' GET "/api/v1/roadmaps/$task/status"
ask GET "/api/v1/roadmaps/$task/result"
expect 200 'the roadmap'
concept=$(get 'v.modules[0].concepts[0].id')
ok "a roadmap, whose first concept is $concept"

json POST /api/practice/sets "{\"from\":{\"kind\":\"concept\",\"task_id\":\"$task\",\"concept_id\":\"$concept\"}}"
expect 202 'a practice set'
set=$(get v.set_id)
until_true 'the practice set is made' 'v.items.length > 0' GET "/api/practice/sets/$set"
ask GET /api/practice/due
expect 200 'what is due'
item=$(get 'v.items[0].item.id') kind=$(get 'v.items[0].item.kind')
[[ $(get 'v.items[0].item.solution') == '' ]] || bad "what is due comes without answers: ${body:0:400}"
if [[ $kind == choice ]]; then answer='"choice":0'; else answer='"answer":"I do not know"'; fi
json POST "/api/practice/items/$item/attempts" "{\"attempt_id\":\"one\",$answer,\"self_grade\":\"again\"}"
expect 200 'an attempt'
attempt=$(get v.id)
json POST "/api/practice/items/$item/attempts" "{\"attempt_id\":\"one\",$answer,\"self_grade\":\"again\"}"
[[ $(get v.id) == "$attempt" ]] || bad "the same attempt twice is one: $body"
ok "practice: $(get v.outcome), with its answer and explanation"

# The teacher looks, and the students see that.
token=$teacher
ask GET "/api/classes/$class/overview"
expect 200 'the overview of the class'
[[ $(get 'v.students.length') == 2 && $body != *"$secret"* ]] || bad "the overview names two students and none of their words: ${body:0:600}"
ask GET "/api/classes/$class/questions"
expect 200 'what the class asked'
[[ $body == *"$secret"* || $(get v.figures_hidden) == true ]] || bad "what was asked: ${body:0:600}"
ask GET "/api/classes/$class/students/$mei_subject"
expect 200 'one student'
ask GET "/api/conversations/$english/messages"
[[ $status == 404 ]] || bad "a teacher reads a student's conversation by its id: HTTP $status"
token=$mei
ask GET /api/me/audit
expect 200 'who looked'
[[ $(get 'v.looks.some(l => l.view === "student")') == true && $(get 'v.looks.length >= 2') == true ]] || bad "each look is recorded: $body"
ok 'the teacher sees what was agreed to, and the students that they were looked at'

# The evening: one takes all with them, and goes.
ask GET /api/me/export
expect 200 'take all along'
[[ $(head -c 2 "$folder/body") == PK && $(stat -c %s "$folder/body") -gt 1000 ]] || bad 'the export is no archive'
ok "an export of $(stat -c %s "$folder/body") bytes"
json DELETE /api/me "{\"password\":\"$password\"}"
expect 202 'delete oneself'
erasure=$(get v.id)
until_true 'everything is erased' 'v.done_at != null' GET "/api/erasures/$erasure"
token=''
json POST /api/auth/login "{\"username\":\"mei-$id\",\"password\":\"$password\"}"
expect 401 'who is deleted does not sign in'
ok 'one student deletes themselves'
token=$teacher
ask GET "/api/classes/$class/members"
expect 200 'the class'
[[ $(get 'v.members.length') == 1 ]] || bad "who is deleted is in no class: $body"
[[ -z ${KEEP:-} ]] || printf '%s\n' "$mei_subject" "mei-$id" "$secret" > "$KEEP"
ok 'the day is over'
