#pragma once

#include <absl/strings/string_view.h>

#include "common/filter/filter.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::filter {

inline sockets::ConnectionSample Sample(absl::string_view local, absl::string_view remote,
                                        sockets::TcpState state = sockets::TcpState::kEstablished) {
  sockets::ConnectionSample sample;
  sample.identity.local = *base::ParseEndpoint(local);
  sample.identity.remote = *base::ParseEndpoint(remote);
  sample.values.Set(sockets::Field::kState, static_cast<uint64_t>(state));
  return sample;
}

// An established connection to a web server.
inline sockets::ConnectionSample Web() { return Sample("10.1.2.3:40000", "198.18.0.9:443"); }

inline bool Matches(absl::string_view text, const Subject& subject) {
  const absl::StatusOr<Filter> filter = Filter::Parse(text);
  EXPECT_THAT(filter, tests::IsOk()) << std::string(text);
  return filter.ok() && filter->Matches(subject);
}

inline bool Matches(absl::string_view text, const sockets::ConnectionSample& sample) {
  return Matches(text, Subject{.sample = &sample});
}

}  // namespace tcpfleet::filter
