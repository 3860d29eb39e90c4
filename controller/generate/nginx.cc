#include <absl/strings/str_cat.h>

#include <algorithm>

#include "controller/generate/proxy_plan.h"

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kSpareFiles = 100;
constexpr uint64_t kIdlePerBackend = 32;  // and worker
constexpr uint64_t kMostIdle = 1'024;

std::string ListenText(const ProxyPlan& plan) {
  const ListenAddress& listen = plan.listen;
  const std::string address = listen.address
                                  ? base::Endpoint{*listen.address, listen.port}.ToString()
                                  : absl::StrCat(listen.port);
  return absl::StrCat("listen ", address, " backlog=", plan.backlog.value, ";");
}

void WriteUpstream(const ProxyPlan& plan, ConfigText& text) {
  text.Line(1, "upstream servers {");
  text.Line(2, absl::StrCat("zone servers ", std::max<size_t>(64, 4 * plan.backends.size()), "k;"),
            "one view of the back ends for all workers");
  text.Line(2, "least_conn;", "a slow back end gets less");
  text.Comment("A back end is left out for 10 s after 3 failures: requests are the checks.", 2);
  if (HasNames(plan)) text.Comment("Names are looked up when nginx starts, and must be known.", 2);
  for (const Backend& backend : plan.backends) {
    text.Line(2,
              absl::StrCat("server ", backend.address.ToString(), " max_fails=3 fail_timeout=10s;"),
              backend.agent.empty() ? "" : absl::StrCat("found by the agent on ", backend.agent));
  }
  text.Line(
      2,
      absl::StrCat("keepalive ", std::min(kIdlePerBackend * plan.backends.size(), kMostIdle), ";"),
      "idle connections each worker keeps; more may be in use");
  text.Line(2, absl::StrCat("keepalive_timeout ", plan.server_idle.value, "s;"),
            plan.server_idle.why);
  text.Line(2, "keepalive_requests 100000;", "the default closes after 1000");
  text.Line(1, "}");
}

void WriteLocation(ConfigText& text) {
  text.Line(2, "location / {");
  text.Line(3, "proxy_pass http://servers;");
  text.Line(3, "proxy_http_version 1.1;", "1.0, the default, closes after each answer");
  text.Line(3, "proxy_set_header Connection \"\";", "the default asks back ends to close");
  text.Line(3, "proxy_set_header Host $host;");
  text.Line(3, "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;");
  text.Line(3, "proxy_socket_keepalive on;", "back ends that vanish are noticed");
  text.Line(3, "proxy_connect_timeout 4s;", "two lost SYNs, sent again after 1 s and 3 s");
  text.Line(3, "proxy_send_timeout 60s;");
  text.Line(3, "proxy_read_timeout 60s;", "silence of a back end within an answer");
  text.Line(3, "proxy_next_upstream error timeout;", "GET and the like, nothing that changes data");
  text.Line(3, "proxy_next_upstream_tries 2;");
  text.Line(2, "}");
}

}  // namespace

std::string NginxConfig(const ProxyPlan& plan) {
  const uint64_t in_all = plan.connections.value * 2 + kSpareFiles;
  const uint64_t per_worker = plan.cpus > 1 ? in_all * 3 / 2 / plan.cpus : in_all;
  ConfigText text;
  text.Comment("nginx 1.20 and later: connections stay open from the client to the back end.");
  if (!plan.check_path.empty()) {
    text.Comment(absl::StrCat("nginx makes no requests of its own to check back ends: ",
                              plan.check_path, " is not used."));
  }
  text.Line(0, "worker_processes auto;",
            plan.cpus > 0 ? absl::StrCat("one per CPU, ", plan.cpus) : "one per CPU");
  text.Line(0, absl::StrCat("worker_rlimit_nofile ", per_worker + kSpareFiles, ";"),
            "the connections and some files");
  text.Line(0, "events {");
  text.Line(
      1, absl::StrCat("worker_connections ", per_worker, ";"),
      absl::StrCat("both sides of ", plan.connections.value, " clients",
                   plan.cpus > 1 ? ", room for uneven shares: " : ", should one worker get all: ",
                   plan.connections.why));
  text.Line(0, "}");
  text.Line(0, "http {");
  WriteUpstream(plan, text);
  text.Line(1, "server {");
  text.Line(2, ListenText(plan), plan.backlog.why);
  text.Line(2, absl::StrCat("keepalive_timeout ", plan.client_keepalive.value, "s;"),
            plan.client_keepalive.why);
  text.Line(2, "keepalive_requests 100000;", "the default closes after 1000");
  text.Line(2, "client_header_timeout 10s;", "a request's headers must be whole by then");
  text.Line(2, "reset_timedout_connection on;", "no FIN-WAIT-1 for clients that are gone");
  WriteLocation(text);
  text.Line(1, "}");
  text.Line(0, "}");
  return text.text();
}

}  // namespace tcpfleet::controller
