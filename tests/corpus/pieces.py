"""What the cases of the corpus are put together from: guards, places and flows.

C++ text with $NAMES for string.Template:

  $ID, $F        the case's number and its function
  $T, $M         the mutex's type, and the expression that names the mutex in the function
  $TAKE, $DROP   take the lock; give it back at the end of the scope, where no guard does
  $RELEASE, $RETAKE   give it back and take it again in the middle of the scope
  $EARLIER       $TAKE that is over before the case blocks, so it is not the truth
  $SCOPE, $P, $A the function's class, its parameters, the arguments that pass them on
  $SETUP         what the function does before anything else
  $PARK          blocks

A line that ends in "// takes N" takes the case's lock number N, which it holds when it blocks; in
"// guards N": a line that is as good an answer, such as the declaration of a deferred guard. Both
may go on: "in FUNCTION" where that is not $F.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    type: str
    take: str
    drop: str = ""
    release: str = ""  # none: this guard cannot be opened early
    retake: str = ""
    kind: str = "mutex"


def scope_guard(type, declaration, **rest):
    return Guard(type, declaration + "  // takes 0", **rest)


def by_hand(type, take, drop, **rest):
    return Guard(type, take + "  // takes 0", drop, drop, take + "  // takes 0", **rest)


def native(wrapper):
    return by_hand(wrapper, "pthread_mutex_lock(&$M.native);", "pthread_mutex_unlock(&$M.native);")


RELOCK = dict(release="lk.unlock();", retake="lk.lock();  // takes 0")

GUARDS = {
    "lock_guard": scope_guard("std::mutex", "std::lock_guard<std::mutex> lk($M);"),
    "unique_lock": scope_guard("std::mutex", "std::unique_lock<std::mutex> lk($M);", **RELOCK),
    "scoped_lock": scope_guard("std::mutex", "std::scoped_lock lk($M);"),
    "writer": scope_guard("std::shared_mutex", "std::unique_lock<std::shared_mutex> lk($M);",
                          kind="rwlock", **RELOCK),
    "writer_guard": scope_guard("std::shared_mutex", "std::lock_guard<std::shared_mutex> lk($M);",
                                kind="rwlock"),
    "pthread": by_hand("pthread_mutex_t", "pthread_mutex_lock(&$M);",
                       "pthread_mutex_unlock(&$M);"),
    "by_hand": by_hand("std::mutex", "$M.lock();", "$M.unlock();"),
    "own_pointer": scope_guard("std::mutex", "PointerGuard lk(&$M);"),
    "own_reference": scope_guard("pthread_mutex_t", "ReferenceGuard lk($M);"),
    "own_template": scope_guard("std::mutex", "Hold<std::mutex> lk($M, pick(3));"),
    "recursive": scope_guard("std::recursive_mutex", "std::lock_guard<std::recursive_mutex> lk($M);"),
    "recursive_twice": Guard(
        "std::recursive_mutex",
        "std::lock_guard<std::recursive_mutex> outer($M);  // takes 0\n"
        "std::unique_lock<std::recursive_mutex> inner($M);  // takes 0"),
    "timed": scope_guard("std::timed_mutex",
                         "std::unique_lock<std::timed_mutex> lk($M, std::chrono::seconds(9));",
                         **RELOCK),
    "timed_guard": scope_guard("std::timed_mutex", "std::lock_guard<std::timed_mutex> lk($M);"),
    "adaptive": native("AdaptiveMutex"),
    "error_check": native("ErrorCheckMutex"),
    "robust": native("RobustMutex"),
    "inherit": native("InheritMutex"),
    "c11": by_hand("C11Mutex", "mtx_lock(&$M.native);", "mtx_unlock(&$M.native);"),
    "rwlock": by_hand("Rwlock", "pthread_rwlock_wrlock(&$M.native);",
                      "pthread_rwlock_unlock(&$M.native);", kind="rwlock"),
    "deferred": Guard("std::mutex",
                      "std::unique_lock<std::mutex> lk($M, std::defer_lock);  // guards 0\n"
                      "touch();\n"
                      "lk.lock();  // takes 0", **RELOCK),
    "adopted": Guard("std::mutex",
                     "$M.lock();  // takes 0\n"
                     "std::lock_guard<std::mutex> lk($M, std::adopt_lock);  // guards 0"),
    "try_lock": by_hand("std::mutex", "if (!$M.try_lock()) std::abort();", "$M.unlock();"),
    "try_to_lock": scope_guard("std::mutex",
                               "std::unique_lock<std::mutex> lk($M, std::try_to_lock);", **RELOCK),
    "pthread_try": by_hand("pthread_mutex_t", "while (pthread_mutex_trylock(&$M) != 0) touch();",
                           "pthread_mutex_unlock(&$M);"),
    "latch": scope_guard("Latch", "std::lock_guard<Latch> lk($M);"),
    "door": scope_guard("Door", "std::lock_guard<Door> lk($M);"),
}


@dataclass(frozen=True)
class Place:
    lock: str
    before: str        # stands before the function
    enter: str         # the body of the thread's entry: tells the lock's address, calls
    parameters: str = ""
    arguments: str = ""
    scope: str = ""
    setup: str = ""


def method_of(object, members="$T mu_{};", lock="mu_", address=None, base="", before=""):
    """A member function that locks its own object, made on the heap."""
    address = address or f"object->{lock}"
    return Place(
        lock, before + "struct " + object + base + " {\n" + members + "\n"
        "NOINLINE void $F();\n"
        "NOINLINE void ${F}_inner();\n"
        "};\n",
        f"auto* object = opaque(new {object});\n"
        f"tell_lock($ID, 0, &{address});\n"
        "object->$F();",
        scope=object + "::")


PLACES = {
    "global": Place("g_mu_$ID", "$T g_mu_$ID;\n", "tell_lock($ID, 0, &g_mu_$ID);\n$CALL();"),
    "static": Place("s_mu_$ID", "namespace {\nlong s_before_$ID = 1;\nstatic $T s_mu_$ID;\n}\n",
                    "tell_lock($ID, 0, &s_mu_$ID);\nuse(&s_before_$ID);\n$CALL();"),
    "namespace": Place("net_$ID::mu", "namespace net_$ID {\n$T mu;\n}\n",
                       "tell_lock($ID, 0, &net_$ID::mu);\n$CALL();"),
    "local_static": Place("mu", "", "$CALL();",
                          setup="static $T mu;\ntell_lock($ID, 0, &mu);"),
    "global_member": Place("g_server_$ID.mu_",
                           "struct Server_$ID {\nlong requests[4];\n$T mu_;\n} g_server_$ID;\n",
                           "tell_lock($ID, 0, &g_server_$ID.mu_);\n$CALL();"),
    "method_of_global": Place(
        "mu_", "struct Server_$ID {\nNOINLINE void $F();\nNOINLINE void ${F}_inner();\n"
        "long requests[4];\n$T mu_;\n} g_server_$ID;\n",
        "tell_lock($ID, 0, &g_server_$ID.mu_);\ng_server_$ID.$F();", scope="Server_$ID::"),
    "this": method_of("Cache_$ID", "long entries_[5] = {};\n$T mu_{};"),
    "first_member": method_of("Queue_$ID", "$T mu_{};\nlong items_[5] = {};"),
    "nested": method_of("Table_$ID", "struct Shard {\nlong rows;\n$T mu;\n};\n"
                        "struct Part {\nlong id;\nShard shard;\n} part_[2] = {};",
                        "part_[1].shard.mu"),
    "base": method_of("Derived_$ID", "long own_ = 0;", base=" : Base_$ID",
                      before="struct Base_$ID {\nvirtual ~Base_$ID() = default;\n"
                      "long kept_ = 0;\n$T mu_{};\n};\n"),
    "array_constant": Place("g_mus_$ID[3]", "$T g_mus_$ID[5];\n",
                            "tell_lock($ID, 0, &g_mus_$ID[3]);\n$CALL();"),
    "array_index": Place("g_mus_$ID[i]", "$T g_mus_$ID[5];\n",
                         "tell_lock($ID, 0, &g_mus_$ID[2]);\n$CALL(pick(2));", "int i", "i"),
    "vector": Place("(*mus[i])", "using Mus_$ID = std::vector<std::unique_ptr<$T>>;\n",
                    "auto* mus = new Mus_$ID;\n"
                    "for (int i = 0; i < 4; ++i) mus->push_back(std::make_unique<$T>());\n"
                    "tell_lock($ID, 0, (*mus)[3].get());\n"
                    "$CALL(*mus, 3);", "Mus_$ID& mus, int i", "mus, i"),
    "reference": Place("mu", "", "auto& mu = *opaque(new $T{});\n"
                       "tell_lock($ID, 0, &mu);\n$CALL(mu);", "$T& mu", "mu"),
    "reference_down": Place(
        "mu", "$T g_mu_$ID;\nNOINLINE void $F($T& mu);\n"
        "NOINLINE void ${F}_middle($T& mu) {\ntouch();\n$F(mu);\nKEEP_FRAME($ID);\n}\n"
        "NOINLINE void ${F}_upper($T& mu) {\ntouch();\n${F}_middle(mu);\nuse(&mu);\n}\n",
        "tell_lock($ID, 0, &g_mu_$ID);\n${F}_upper(g_mu_$ID);", "$T& mu", "mu"),
    "pointer": Place("(*mu)", "", "auto* mu = opaque(new $T{});\n"
                     "tell_lock($ID, 0, mu);\n$CALL(mu);", "$T* mu", "mu"),
    "pointer_member": Place("connection->mu", "struct Connection_$ID {\nlong fd;\n$T mu;\n};\n",
                            "auto* connection = opaque(new Connection_$ID{});\n"
                            "tell_lock($ID, 0, &connection->mu);\n$CALL(connection);",
                            "Connection_$ID* connection", "connection"),
    "shared_ptr": Place("session->mu", "struct Session_$ID {\nlong user = 0;\n$T mu{};\n};\n",
                        "auto session = std::make_shared<Session_$ID>();\n"
                        "tell_lock($ID, 0, &session->mu);\n$CALL(session);",
                        "const std::shared_ptr<Session_$ID>& session", "session"),
    "outer_stack": Place("mu", "", "$T mu{};\ntell_lock($ID, 0, &mu);\n$CALL(mu);",
                         "$T& mu", "mu"),
    "own_stack": Place("mu", "", "$CALL();", setup="$T mu{};\ntell_lock($ID, 0, &mu);"),
    "thread_local": Place("t_mu_$ID", "thread_local $T t_mu_$ID;\n",
                          "tell_lock($ID, 0, &t_mu_$ID);\n$CALL();"),
}

# Locks that are reached through other objects, as in programs of some size.
FAR_PLACES = {
    "global_pointer": Place("g_server_$ID->mu_",
                            "struct Server_$ID {\nlong requests[4] = {};\n$T mu_{};\n};\n"
                            "Server_$ID* g_server_$ID;\n",
                            "g_server_$ID = new Server_$ID;\n"
                            "tell_lock($ID, 0, &g_server_$ID->mu_);\n$CALL();"),
    "singleton": Place("Registry_$ID::instance().mu_",
                       "struct Registry_$ID {\nlong entries = 0;\n$T mu_{};\n"
                       "static Registry_$ID& instance() {\nstatic Registry_$ID one;\n"
                       "return one;\n}\n};\n",
                       "tell_lock($ID, 0, &Registry_$ID::instance().mu_);\n$CALL();"),
    "pimpl": method_of("File_$ID", "struct Impl {\nlong size = 0;\n$T mu{};\n};\n"
                       "std::unique_ptr<Impl> impl_ = std::make_unique<Impl>();",
                       "impl_->mu", "object->impl_->mu"),
    "reference_member": method_of(
        "Session_$ID", "long user = 0;\nOwner_$ID& owner_ = *new Owner_$ID;", "owner_.mu_",
        before="struct Owner_$ID {\nlong sessions = 0;\n$T mu_{};\n};\n"),
    "chain": Place("request->session->store->mu",
                   "struct Store_$ID {\nlong rows = 0;\n$T mu{};\n};\n"
                   "struct Session_$ID {\nlong user = 0;\nStore_$ID* store = new Store_$ID;\n};\n"
                   "struct Request_$ID {\nlong id = 0;\nSession_$ID* session = new Session_$ID;\n};\n",
                   "auto* request = opaque(new Request_$ID);\n"
                   "tell_lock($ID, 0, &request->session->store->mu);\n$CALL(request);",
                   "Request_$ID* request", "request"),
    "hashed_shard": Place("cache.shards[key * 2654435761u % 8].mu",
                          "struct Shards_$ID {\nlong size = 0;\n"
                          "struct {\nlong hits = 0;\n$T mu{};\n} shards[8];\n};\n",
                          "auto* cache = opaque(new Shards_$ID);\n"
                          "tell_lock($ID, 0, &cache->shards[7 * 2654435761u % 8].mu);\n"
                          "$CALL(*cache, static_cast<unsigned>(pick(7)));",
                          "Shards_$ID& cache, unsigned key", "cache, key"),
    "map_element": Place("users.at(key).mu",
                         "struct User_$ID {\nlong seen = 0;\n$T mu{};\n};\n",
                         "auto* users = new std::map<int, User_$ID>;\n"
                         "for (int key = 0; key < 9; ++key) (*users)[key].seen = key;\n"
                         "tell_lock($ID, 0, &users->at(5).mu);\n$CALL(*users, pick(5));",
                         "std::map<int, User_$ID>& users, int key", "users, key"),
    "second_base": method_of("Worker_$ID", "long own_ = 0;", base=" : Named_$ID, Locked_$ID",
                             before="struct Named_$ID {\nvirtual ~Named_$ID() = default;\n"
                             "long name_ = 0;\n};\n"
                             "struct Locked_$ID {\nvirtual ~Locked_$ID() = default;\n"
                             "$T mu_{};\n};\n"),
    "virtual_base": method_of("Both_$ID", "long own_ = 0;", base=" : Left_$ID, Right_$ID",
                              before="struct Base_$ID {\nlong kept_ = 0;\n$T mu_{};\n};\n"
                              "struct Left_$ID : virtual Base_$ID {\nlong left_ = 0;\n};\n"
                              "struct Right_$ID : virtual Base_$ID {\nlong right_ = 0;\n};\n"),
    "weak_pointer": Place("locked->mu", "struct Peer_$ID {\nlong id = 0;\n$T mu{};\n};\n",
                          "auto peer = std::make_shared<Peer_$ID>();\n"
                          "tell_lock($ID, 0, &peer->mu);\n$CALL(peer);",
                          "const std::weak_ptr<Peer_$ID>& peer", "peer",
                          setup="const auto locked = peer.lock();"),
    "container_of": Place(
        "reinterpret_cast<Job_$ID*>(reinterpret_cast<char*>(link) - offsetof(Job_$ID, link))->mu",
        "struct Link_$ID {\nLink_$ID* next = nullptr;\n};\n"
        "struct Job_$ID {\n$T mu{};\nlong id = 0;\nLink_$ID link;\n};\n",
        "auto* job = opaque(new Job_$ID);\n"
        "tell_lock($ID, 0, &job->mu);\n$CALL(&job->link);", "Link_$ID* link", "link"),
}

HEAD = "NOINLINE void $SCOPE$F($P) {\n"

FLOWS = {
    "straight": HEAD + "$SETUP\n$TAKE\ntouch();\n$PARK\n$DROP\n}\n",
    "loop": HEAD + """$SETUP
for (int round = 0; round < 3; ++round) {
$TAKE
touch();
if (pick(round) == 2) {
$PARK
}
$DROP
}
}
""",
    "lambda": HEAD + """$SETUP
auto critical = [&]() NOINLINE {
$TAKE_IN_LAMBDA
touch();
$PARK
$DROP
};
touch();
critical();
KEEP_FRAME($ID);
}
""",
    "again": HEAD + """$SETUP
{
$EARLIER
touch();
$DROP
}
touch();
$TAKE
touch();
$PARK
$DROP
}
""",
    "relock": HEAD + """$SETUP
$OPENED
touch();
$RELEASE
touch();
$RETAKE
touch();
$PARK
$DROP
}
""",
    "hand_over": """NOINLINE void $SCOPE${F}_inner($P) {
$TAKE_IN_INNER
touch();
$PARK
$DROP
}
NOINLINE void $SCOPE$F($P) {
{
$EARLIER
touch();
$DROP
}
${F}_inner($A);
KEEP_FRAME($ID);
}
""",
    "passed_on": """NOINLINE void $SCOPE${F}_inner($P) {
$TAKE_IN_INNER
touch();
$PARK
$DROP
}
NOINLINE void $SCOPE$F($P) {
use(&$M);
${F}_inner($A);
use(&$M);
}
""",
    "branch": HEAD + """$SETUP
if (pick(1) == 1) {
$TAKE
touch();
$PARK
$DROP
} else {
touch();
KEEP_FRAME($ID);
touch();
}
}
""",
    "either_branch": HEAD + """$SETUP
if (pick(1) == 1) {
$EARLIER
touch();
$DROP
} else {
touch();
}
$TAKE
if (pick(0) == 1) {
$DROP
return;
}
$PARK
$DROP
}
""",
    "try_block": HEAD + """$SETUP
try {
$TAKE
if (pick(1) == 2) throw std::runtime_error("never");
$PARK
$DROP
} catch (const std::exception&) {
touch();
}
}
""",
    "catch_block": HEAD + """$SETUP
try {
if (pick(1) == 1) throw std::runtime_error("always");
touch();
} catch (const std::exception& error) {
$TAKE
use(&error);
$PARK
$DROP
}
}
""",
    "nested_block": HEAD + """$SETUP
{
touch();
{
$TAKE
{
touch();
$PARK
}
$DROP
}
touch();
}
}
""",
    "switch": HEAD + """$SETUP
switch (pick(2)) {
case 0:
touch();
break;
case 1: {
$EARLIER
touch();
$DROP
break;
}
case 2: {
$TAKE
touch();
$PARK
$DROP
break;
}
default:
park_deep(1);
}
}
""",
    "callback": HEAD + """$SETUP
$TAKE
call([](void* flag) {
if (*static_cast<int*>(flag) == 1) park();
KEEP_FRAME($ID);
}, opaque(new int(1)));
touch();
$DROP
}
""",
    "many_values": HEAD + """$SETUP
const int a = pick(1), b = pick(2), c = pick(3);
$TAKE
const int d = pick(4), e = pick(5), f = pick(6), g = pick(7);
$PARK
if (a + b + c + d + e + f + g == 0) touch();
$DROP
}
""",
}
