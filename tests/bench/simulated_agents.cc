// tcpfleet-simulated: agents that answer from memory, in one process, each on a Unix socket of its
// own, until stdin ends. Prints "ready" when all of them listen, and in the end what they sent.
//
// Hosts say one of three things about kKeys parameters; DIRECTORY/profile.conf is what the first
// kind says.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/base/sha256.h"
#include "common/sys/file.h"
#include "tcpfleet/v1/host.grpc.pb.h"
#include "tcpfleet/v1/sysctl.grpc.pb.h"

namespace tcpfleet::bench {
namespace {

constexpr int kKeys = 584;  // below net in a network namespace of 6.18
constexpr int kKinds = 3;
constexpr int kKeysPerMessage = 1'000;
constexpr size_t kGrpcHeaderBytes = 5;

struct Sent {
  std::atomic<uint64_t> answers = 0;
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> unchanged = 0;
  std::atomic<uint64_t> unchanged_bytes = 0;
};

std::string ValueOf(int key, int kind) {
  const int number = key * 37 + (key % 100 == 0 ? kind : 0);
  return key % 8 == 0 ? absl::StrCat(number, "\t131072\t6291456") : absl::StrCat(number);
}

v1::ReadSysctlsResponse AnswerOf(int kind) {
  v1::ReadSysctlsResponse answer;
  v1::Sysctl& boot = *answer.add_sysctls();
  boot.set_key("kernel/random/boot_id");
  boot.set_value(absl::StrCat("boot-", kind));
  for (int key = 0; key < kKeys; ++key) {
    v1::Sysctl& sysctl = *answer.add_sysctls();
    sysctl.set_key(absl::StrFormat("net/ipv4/tcp_parameter_%03d", key));
    sysctl.set_value(ValueOf(key, kind));
    sysctl.set_writable(true);
    sysctl.set_scope(v1::Sysctl::SCOPE_NETWORK_NAMESPACE);
    sysctl.mutable_at_boot();
    sysctl.mutable_by_procps();
    if (key % 3 != 0) continue;
    v1::SysctlSetting& winner = *sysctl.mutable_at_boot()->mutable_winner();
    winner.set_file("/etc/sysctl.d/90-web.conf");
    winner.set_line(static_cast<uint32_t>(key));
    winner.set_value(sysctl.value());
    *sysctl.mutable_by_procps() = sysctl.at_boot();
  }
  answer.set_content_hash(base::Sha256(answer.SerializeAsString()));
  return answer;
}

std::string Profile() {
  std::string text;
  for (int key = 0; key < kKeys; ++key) {
    absl::StrAppendFormat(&text, "net.ipv4.tcp_parameter_%03d = %s\n", key, ValueOf(key, 0));
  }
  return text;
}

class Answer final : public grpc::ServerWriteReactor<v1::ReadSysctlsResponse> {
 public:
  explicit Answer(const v1::ReadSysctlsResponse* response) {
    StartWriteAndFinish(response, {}, grpc::Status::OK);
  }
  void OnDone() override { delete this; }
};

class SysctlService final : public v1::SysctlService::CallbackService {
 public:
  SysctlService(int kind, Sent& sent) : whole_(AnswerOf(kind)), sent_(sent) {
    unchanged_.set_content_hash(whole_.content_hash());
    unchanged_.set_unchanged(true);
    static_assert(kKeys + 1 <= kKeysPerMessage);
  }

  grpc::ServerWriteReactor<v1::ReadSysctlsResponse>* Read(
      grpc::CallbackServerContext*, const v1::ReadSysctlsRequest* request) override {
    const bool same = request->known_hash() == whole_.content_hash();
    const v1::ReadSysctlsResponse& answer = same ? unchanged_ : whole_;
    (same ? sent_.unchanged : sent_.answers) += 1;
    (same ? sent_.unchanged_bytes : sent_.bytes) += answer.ByteSizeLong() + kGrpcHeaderBytes;
    return new Answer(&answer);
  }

 private:
  v1::ReadSysctlsResponse whole_;
  v1::ReadSysctlsResponse unchanged_;
  Sent& sent_;
};

class HostService final : public v1::HostService::CallbackService {
 public:
  explicit HostService(int kind) : kind_(kind) {}
  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const v1::DescribeRequest*,
                                     v1::DescribeResponse* response) override {
    response->set_name("simulated");
    response->set_kernel("6.18.0");
    response->set_boot_id(absl::StrCat("boot-", kind_));
    response->set_memory_bytes(uint64_t{8} << 30);
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const int kind_;
};

struct Kind {
  Kind(int number, Sent& sent) : sysctls(number, sent), host(number) {}
  SysctlService sysctls;
  HostService host;
  std::unique_ptr<grpc::Server> server;
};

int Run(int count, const std::string& directory) {
  Sent sent;
  std::vector<std::unique_ptr<Kind>> kinds;
  for (int number = 0; number < kKinds; ++number) {
    Kind& kind = *kinds.emplace_back(std::make_unique<Kind>(number, sent));
    grpc::ServerBuilder builder;
    for (int agent = number; agent < count; agent += kKinds) {
      builder.AddListeningPort(absl::StrCat("unix:", directory, "/", agent, ".sock"),
                               grpc::InsecureServerCredentials());
    }
    builder.RegisterService(&kind.sysctls);
    builder.RegisterService(&kind.host);
    kind.server = builder.BuildAndStart();
    if (kind.server == nullptr) return 1;
  }
  if (!sys::WriteFile(absl::StrCat(directory, "/profile.conf"), Profile()).ok()) return 1;
  std::puts("ready");
  std::fflush(stdout);
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) continue;
  std::fputs(absl::StrCat("{\"answers\": ", sent.answers.load(), ", \"bytes\": ", sent.bytes.load(),
                          ", \"unchanged\": ", sent.unchanged.load(),
                          ", \"unchanged_bytes\": ", sent.unchanged_bytes.load(), "}\n")
                 .c_str(),
             stdout);
  return 0;
}

}  // namespace
}  // namespace tcpfleet::bench

int main(int argc, char** argv) {
  int count = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[1], &count) || count < 3 || count > 1000) {
    std::fputs("usage: tcpfleet-simulated 3..1000 DIRECTORY\n", stderr);
    return 2;
  }
  return tcpfleet::bench::Run(count, argv[2]);
}
