#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <string>

#include "tests/bench/limit/limit.h"
#include "tests/bench/limit/sockets.h"

// NOLINTNEXTLINE(bugprone-exception-escape): only an option declared twice throws outside the try.
int main(int argc, char** argv) {
  namespace bench = tcpfleet::bench;
  CLI::App app("the bare programs tcpfleet-bench compares with", "tcpfleet-limit");
  app.require_subcommand(1);
  bench::ClientOptions options;
  double warmup_seconds = 0.3;
  double seconds = 2;
  const CLI::App* serve = app.add_subcommand("serve", "accept and answer until stdin ends");
  app.add_option("--port", options.port, "port of the server; serve: 0 takes a free one");
  app.add_option("--connections", options.connections, "open at once")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--warmup", warmup_seconds, "seconds not measured")->check(CLI::Range(0.0, 60.0));
  app.add_option("--duration", seconds, "seconds measured; hold: at most this long")
      ->check(CLI::Range(0.01, 3600.0));
  const CLI::App* rr = app.add_subcommand("rr", "exchange bytes over kept connections");
  const CLI::App* hold = app.add_subcommand("hold", "open connections, keep them until stdin ends");
  app.add_subcommand("crr", "connect, exchange a byte, close with a reset");
  const CLI::App* stream = app.add_subcommand("stream", "send as fast as a sink takes it");
  app.add_flag("--receive", options.receives, "stream: receive from a source instead");
  app.add_option("--write-size", options.write_bytes, "stream, source: bytes of one write")
      ->check(CLI::Range(1, 16'777'216));
  const CLI::App* sink = app.add_subcommand("sink", "receive streams until stdin ends");
  const CLI::App* source = app.add_subcommand("source", "send streams until stdin ends");
  bench::SocketsOptions sockets;
  const CLI::App* hold_sockets =
      app.add_subcommand("sockets", "hold --connections with both their ends until stdin ends");
  app.add_option("--number", sockets.number, "sockets: of this process among its like")
      ->check(CLI::Range(0, 199));
  app.add_option("--active", sockets.active, "sockets: exchange something every second")
      ->check(CLI::Range(0, 1'000'000));
  int repeat = 1;
  const CLI::App* dump = app.add_subcommand("dump", "ask the kernel for all TCP sockets");
  app.add_option("--repeat", repeat, "dump: how often")->check(CLI::Range(1, 1'000));
  for (CLI::App* command : app.get_subcommands(nullptr)) command->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (*rr) options.workload = bench::Workload::kRr;
  if (*hold) options.workload = bench::Workload::kHold;
  options.warmup = absl::Seconds(warmup_seconds);
  options.duration = absl::Seconds(seconds);
  sockets.connections = options.connections;
  const bench::StreamServerOptions streams{
      .port = options.port, .sends = source->parsed(), .write_bytes = options.write_bytes};
  const absl::Status status = *serve             ? bench::RunServer(options.port)
                              : *sink || *source ? bench::ServeStreams(streams)
                              : *stream          ? bench::RunStream(options)
                              : *hold_sockets    ? bench::HoldSockets(sockets)
                              : *dump            ? bench::DumpSockets(repeat)
                                                 : bench::RunClient(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "tcpfleet-limit: %s\n", status.ToString().c_str());
  return 1;
}
