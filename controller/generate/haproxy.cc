#include <absl/strings/str_cat.h>

#include "controller/generate/proxy_plan.h"

namespace tcpfleet::controller {
namespace {

std::string BindText(const ListenAddress& listen) {
  if (!listen.address) return absl::StrCat("*:", listen.port);
  return base::Endpoint{*listen.address, listen.port}.ToString();
}

void WriteDefaults(const ProxyPlan& plan, ConfigText& text) {
  text.Line(0, "defaults");
  text.Line(1, "mode http");
  text.Line(1, "option http-keep-alive", "both sides stay open after an answer");
  text.Line(1, "http-reuse safe", "requests of all clients share the open connections");
  text.Line(1, "option redispatch", "a back end that fails is not tried for ever");
  text.Line(1, "retries 2");
  text.Line(1, "retry-on conn-failure", "nothing was sent: safe for every request");
  text.Line(1, "timeout connect 4s", "two lost SYNs, sent again after 1 s and 3 s");
  text.Line(1, "timeout queue 10s", "then the client gets a 503 instead of waiting");
  text.Line(1, "timeout client 60s", "silence of a client within a request");
  text.Line(1, "timeout server 60s", "silence of a back end within an answer");
  text.Line(1, "timeout http-request 10s", "a request's headers must be whole by then");
  text.Line(1, absl::StrCat("timeout http-keep-alive ", plan.client_keepalive.value, "s"),
            plan.client_keepalive.why);
  text.Line(1, "timeout tunnel 1h", "WebSockets");
  text.Line(1, "timeout check 2s");
}

void WriteBackends(const ProxyPlan& plan, ConfigText& text) {
  text.Line(0, "backend servers");
  text.Line(1, "balance leastconn", "a slow back end gets less");
  if (plan.check_path.empty()) {
    text.Comment("checks are connections only: give --check PATH where back ends answer one", 1);
  } else {
    text.Line(1, "option httpchk", "a back end is up when it answers 2xx or 3xx");
    text.Line(1, absl::StrCat("http-check send meth GET uri ", plan.check_path));
  }
  text.Line(1, "default-server inter 2s fall 3 rise 2", "out after 6 s, in again after 4 s");
  text.Line(1, absl::StrCat("default-server pool-purge-delay ", plan.server_idle.value, "s"),
            plan.server_idle.why);
  text.Line(1, "default-server pool-max-conn -1", "all idle ones are kept until then");
  if (HasNames(plan)) text.Comment("names are looked up when haproxy starts, and must be known", 1);
  size_t number = 0;
  for (const Backend& backend : plan.backends) {
    text.Line(1, absl::StrCat("server s", ++number, " ", backend.address.ToString(), " check"),
              backend.agent.empty() ? "" : absl::StrCat("found by the agent on ", backend.agent));
  }
}

}  // namespace

std::string HaproxyConfig(const ProxyPlan& plan) {
  ConfigText text;
  text.Comment("haproxy 2.4 and later: connections stay open from the client to the back end.");
  text.Comment("User, logs and TLS stand in your own file: haproxy -f YOURS -f THIS");
  text.Line(0, "global");
  text.Line(1, absl::StrCat("maxconn ", plan.connections.value), plan.connections.why);
  text.Blank();
  WriteDefaults(plan, text);
  text.Blank();
  text.Line(0, "frontend clients");
  text.Line(1, absl::StrCat("bind ", BindText(plan.listen), " backlog ", plan.backlog.value),
            plan.backlog.why);
  text.Line(1, absl::StrCat("maxconn ", plan.connections.value), "as in global");
  text.Line(1, "default_backend servers");
  text.Blank();
  WriteBackends(plan, text);
  return text.text();
}

}  // namespace tcpfleet::controller
