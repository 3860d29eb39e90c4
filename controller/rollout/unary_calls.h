// One unary call to each of several agents.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "controller/fleet/agent_client.h"
#include "controller/fleet/fan_out.h"

namespace tcpfleet::controller {

// The answers to call(index, on_response) for every index below `count`, in order.
template <class Response>
std::vector<absl::StatusOr<Response>> CallEach(
    size_t count, int parallel,
    const std::function<void(size_t index, OnResponse<Response>)>& call) {
  std::vector<absl::StatusOr<Response>> answers(count);
  FanOut(count, parallel, [&](size_t index, const Done& done) {
    call(index, [&answers, index, done](absl::StatusOr<Response> answer) {
      answers[index] = std::move(answer);
      done();
    });
  });
  return answers;
}

}  // namespace tcpfleet::controller
