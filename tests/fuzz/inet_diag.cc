// One datagram of a dump.
#include "agent/sockets/inet_diag_source.h"
#include "common/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tcpfleet;
  netlink::MessageReader reader({reinterpret_cast<const std::byte*>(data), size});
  while (const std::optional<netlink::Message> message = reader.Next()) {
    const absl::StatusOr<netlink::InetDiagSocket> socket =
        netlink::ParseInetDiagSocket(message->payload);
    const absl::StatusOr<netlink::InetDiagGlance> glance =
        netlink::GlanceAtInetDiagSocket(message->payload, 1);
    TF_CHECK_EQ(glance.ok(), socket.ok());
    if (!socket.ok()) continue;
    TF_CHECK_EQ(glance->cookie, socket->cookie);
    sockets::ConnectionSample sample;
    agent::FillSample(*socket, 1, 5'000'000'000, sample);
    TF_CHECK_EQ(sample.values.Get(sockets::Field::kState), uint64_t{socket->state});
    TF_CHECK(sample.tcp_info_tail.size() <= socket->tcp_info.size());
  }
  return 0;
}
