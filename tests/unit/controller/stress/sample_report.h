#pragma once

#include "controller/stress/options.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::tests {

inline v1::Distribution SampleDistribution(double scale) {
  v1::Distribution distribution;
  distribution.set_count(25'000);
  distribution.set_min(0.5 * scale);
  distribution.set_p50(scale);
  distribution.set_p90(2 * scale);
  distribution.set_p99(5 * scale);
  distribution.set_p999(20 * scale);
  distribution.set_max(100 * scale);
  distribution.set_mean(1.2 * scale);
  return distribution;
}

inline v1::RunResult SampleResult(double scale) {
  v1::RunResult result;
  result.set_attempted(25'010);
  result.set_succeeded(25'000);
  result.set_cancelled(10);
  result.set_active(32);
  result.set_rate_per_second(2'500);
  *result.mutable_connect_latency_us() = SampleDistribution(scale);
  *result.mutable_response_latency_us() = SampleDistribution(2 * scale);
  *result.mutable_tcp_info()->mutable_rtt_us() = SampleDistribution(0.5 * scale);
  result.mutable_tcp_info()->set_connections_sampled(32);
  result.set_first_syn_offset_us(scale);
  result.set_clock_uncertainty_us(15.4);
  result.set_cpu_seconds(0.95);
  result.set_measured_seconds(10);
  return result;
}

inline v1::RunResult SampleAgent(const std::string& name, const std::string& role, double scale) {
  v1::RunResult result = SampleResult(scale);
  result.set_name(name);
  result.set_address(name + ":7117");
  result.set_role(role);
  v1::SocketOptions& options = *result.mutable_socket_options();
  options.set_no_delay(true);
  options.set_keepalive(true);
  options.set_keepalive_idle_seconds(30);
  options.set_keepalive_interval_seconds(5);
  options.set_keepalive_probes(3);
  options.set_linger_reset(true);
  return result;
}

// Two clients and a server; all is well.
inline v1::StressReport SampleReport() {
  v1::StressReport report;
  v1::StressSpec& spec = *report.mutable_run()->mutable_spec();
  spec.set_workload(v1::StressSpec::WORKLOAD_CRR);
  spec.set_connections(64);
  spec.set_rate_per_second(5'000);
  spec.set_duration_ms(10'000);
  spec.set_warmup_ms(1'000);
  spec.set_connect_timeout_ms(5'000);
  spec.set_close_mode(v1::StressSpec::CLOSE_MODE_RST);
  spec.set_request_bytes(1);
  spec.set_response_bytes(1);
  v1::RunResult& server = *report.add_agents();
  server.set_name("web03");
  server.set_address("web03:7117");
  server.set_role("server");
  server.set_connections_accepted(55'012);
  *report.add_agents() = SampleAgent("web01", "client", 100);
  *report.add_agents() = SampleAgent("web02", "client", 140);
  *report.mutable_total() = SampleResult(120);
  report.mutable_total()->set_active(64);
  report.mutable_total()->set_succeeded(50'000);
  report.mutable_total()->set_rate_per_second(5'000);
  report.mutable_total()->set_connections_accepted(55'012);
  report.set_start_skew_us(40);
  report.mutable_run()->set_loop("open");
  report.set_verdict("PASS");
  report.set_verdict_reason("every agent finished");
  return report;
}

// HTTP on a schedule that the clients did not keep up with, and a network that lost handshakes.
inline v1::StressReport ScheduledReport() {
  v1::StressReport report = SampleReport();
  v1::StressSpec& spec = *report.mutable_run()->mutable_spec();
  spec.set_workload(v1::StressSpec::WORKLOAD_RR);
  spec.mutable_http()->set_path("/index.html");
  spec.set_cooldown_ms(500);
  for (v1::RunResult* const result : {report.mutable_agents(1), report.mutable_total()}) {
    *result->mutable_service_latency_us() = SampleDistribution(90);
    *result->mutable_send_lateness_us() = SampleDistribution(400);
    *result->mutable_response_latency_us() = SampleDistribution(500);
    v1::Distribution& none = *result->mutable_connect_latency_no_retransmit_us();
    none = SampleDistribution(100);
    none.set_count(24'000);
    v1::Distribution& one = *result->mutable_connect_latency_one_retransmit_us();
    one = SampleDistribution(1'030'000);
    one.set_count(1'000);
    (*result->mutable_responses_by_status())["2xx"] = 49'000;
    (*result->mutable_responses_by_status())["5xx"] = 1'000;
  }
  (*report.mutable_agents(0)->mutable_kernel_counters())["ListenOverflows"] = 412;
  (*report.mutable_agents(1)->mutable_kernel_counters())["TcpExt.TCPSynRetrans"] = 400;
  (*report.mutable_agents(2)->mutable_kernel_counters())["TcpExt.TCPSynRetrans"] = 12;
  (*report.mutable_agents(2)->mutable_kernel_counters())["OutRsts"] = 50'000;
  for (const double service_us : {1'030'000.0, 80.0}) {
    v1::SlowOperation& slow = *report.add_slowest();
    slow.set_agent("web01");
    slow.set_due_seconds(3.25);
    slow.set_response_latency_us(1'035'000);
    slow.set_service_latency_us(service_us);
    slow.set_local("198.18.0.1:40001");
    slow.set_peer("198.18.0.3:80");
    (*slow.mutable_fields())["total_retrans"] = service_us > 1e6 ? 1 : 0;
  }
  report.set_generator_limited(true);
  report.set_verdict("FAIL");
  report.set_verdict_reason("generator limited");
  return report;
}

// Streams between all of `agents`.
inline v1::StressReport MeshReport(int agents) {
  v1::StressReport report = SampleReport();
  v1::StressSpec& spec = *report.mutable_run()->mutable_spec();
  spec.set_workload(v1::StressSpec::WORKLOAD_STREAM);
  spec.set_direction(v1::StressSpec::DIRECTION_BOTH);
  spec.set_write_bytes(131'072);
  spec.set_rate_per_second(0);
  report.mutable_run()->set_loop("closed");
  for (v1::RunResult& agent : *report.mutable_agents()) {
    agent.set_bits_sent_per_second(9.4e9);
    agent.set_bytes_sent(11'750'000'000);
  }
  report.mutable_total()->set_bits_sent_per_second(18.8e9);
  report.mutable_total()->set_bits_received_per_second(1.5e6);
  report.mutable_total()->set_bytes_sent(23'500'000'000);
  for (int client = 1; client <= agents; ++client) {
    for (int target = 1; target <= agents; ++target) {
      if (client == target) continue;
      v1::PathResult& path = *report.add_paths();
      path.set_client("a" + std::to_string(client));
      path.set_target("a" + std::to_string(target));
      path.set_bits_sent_per_second(1e9 / client);
      *path.mutable_connect_latency_us() = SampleDistribution(10 * target);
      if (client != 2) *path.mutable_rtt_us() = SampleDistribution(client * target);
    }
  }
  return report;
}

// The same with everything that can go wrong.
inline v1::StressReport TroubledReport() {
  v1::StressReport report = SampleReport();
  report.mutable_run()->mutable_spec()->set_close_mode(v1::StressSpec::CLOSE_MODE_FIN);
  for (v1::RunResult* const result : {report.mutable_agents(1), report.mutable_total()}) {
    auto& failed = *result->mutable_failed();
    failed["refused"] = 12;
    failed["timeout"] = 3;
    failed["localPort"] = 4'321;
    failed["localFd"] = 1;
    failed["policy"] = 1;
    failed["ENOBUFS"] = 2;
  }
  report.mutable_total()->set_attempted(54'350);
  report.mutable_total()->set_failed_percent(8);
  report.mutable_total()->set_connections_lost(3);
  (*report.mutable_agents(0)->mutable_accept_failed())["localFd"] = 9;
  report.mutable_agents(1)->mutable_tcp_info()->set_total_retransmits(17);
  report.mutable_agents(1)->add_warnings("28232 source ports for 32000 connections");
  report.mutable_agents(2)->clear_tcp_info();
  report.mutable_agents(2)->clear_first_syn_offset_us();
  report.mutable_agents(2)->clear_connect_latency_us();
  report.mutable_agents(2)->clear_socket_options();
  v1::ThresholdResult& held = *report.add_thresholds();
  held.set_expression("connectLatencyUs.p99<50000");
  held.set_observed(600);
  held.set_passed(true);
  v1::ThresholdResult& broken = *report.add_thresholds();
  broken.set_expression("failedPercent<1");
  broken.set_observed(8);
  report.add_thresholds()->set_expression("startSkewUs<100");
  v1::AgentFailure& failure = *report.add_failures();
  failure.set_name("web02");
  failure.set_address("web02:7117");
  failure.set_kind("died");
  failure.set_cause("the connection broke: Socket closed \x1b[31m");
  report.set_verdict("FAIL");
  report.set_verdict_reason("broken: failedPercent<1 (observed 8)");
  return report;
}

}  // namespace tcpfleet::tests
