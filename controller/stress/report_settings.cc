// What was in force on the agents, and what their pre-flight checks said.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "controller/stress/report_sections.h"

namespace tcpfleet::controller {
namespace {

// "30s/5s/3"
std::string KeepaliveText(const v1::SocketOptions& options) {
  if (!options.keepalive()) return "off";
  return absl::StrCat(options.keepalive_idle_seconds(), "s/", options.keepalive_interval_seconds(),
                      "s/", options.keepalive_probes());
}

std::string OptionsText(const v1::SocketOptions& options, const v1::StressSpec& spec) {
  std::vector<std::string> texts{
      absl::StrCat("TCP_NODELAY ", options.no_delay() ? "on" : "off"),
      absl::StrCat("keepalive ", KeepaliveText(options)),
      absl::StrCat("close ", options.linger_reset() ? "rst" : "fin"),
      absl::StrCat("SO_REUSEADDR ", options.reuse_address() ? "on" : "off")};
  const auto add = [&](absl::string_view name, uint64_t value) {
    if (value > 0) texts.push_back(absl::StrCat(name, " ", value));
  };
  if (!options.congestion_control().empty()) texts.push_back(options.congestion_control());
  add("SO_SNDBUF", options.send_buffer_bytes());
  add("SO_RCVBUF", options.receive_buffer_bytes());
  add("DSCP", options.dscp());
  add("mark", options.mark());
  add("TCP_USER_TIMEOUT ms", options.user_timeout_ms());
  add("TCP_NOTSENT_LOWAT", options.notsent_lowat_bytes());
  if (options.fast_open()) texts.emplace_back("fast open");
  // The kernel switches it on and off by itself.
  if (spec.socket_options().quick_ack() && options.quick_ack()) texts.emplace_back("TCP_QUICKACK");
  if (!options.bind_interface().empty()) {
    texts.push_back(absl::StrCat("interface ", options.bind_interface()));
  }
  return absl::StrJoin(texts, ", ");
}

std::string NameAndRole(const v1::RunResult& agent) {
  return absl::StrCat(agent.name(), agent.role() == "server" ? " (server)" : "");
}

}  // namespace

void PrintSocketOptions(const ReportPage& page) {
  NamesByText names;
  NamesByText sources;
  for (const v1::RunResult& agent : page.report.agents()) {
    if (agent.has_socket_options()) {
      names[OptionsText(agent.socket_options(), page.spec())].push_back(NameAndRole(agent));
    }
    if (!agent.sources().empty()) {
      const bool several = agent.sources_size() > 1;
      sources[several ? absl::StrCat(agent.sources_size(), " addresses from ", agent.sources(0),
                                     " to ", *agent.sources().rbegin())
                      : agent.sources(0)]
          .push_back(agent.name());
    }
  }
  PrintFolded(page, "in force", names);
  PrintFolded(page, "source", sources);
}

void PrintPreflight(const ReportPage& page) {
  NamesByText blockers;
  NamesByText warnings;
  // An agent in both roles may say the same of both.
  const auto add = [](const std::string& line, const std::string& name, NamesByText& names) {
    std::vector<std::string>& of_line = names[line];
    if (std::find(of_line.begin(), of_line.end(), name) == of_line.end()) of_line.push_back(name);
  };
  for (const v1::RunResult& agent : page.report.agents()) {
    for (const std::string& line : agent.blockers()) add(line, agent.name(), blockers);
    for (const std::string& line : agent.warnings()) add(line, agent.name(), warnings);
  }
  PrintFolded(page, "blocker", blockers);
  PrintFolded(page, "warning", warnings);
}

}  // namespace tcpfleet::controller
