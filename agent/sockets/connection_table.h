// Every connection of the last poll, kept from poll to poll: a poll finds most of them as they were
// and touches only what changed.
//
// Threads: not thread-safe; the hub's sampler thread owns it, and the SampleRefs it gives away.
// Bounds:  sockets::kMostRows connections. A row costs some 100 bytes, its record some 650; records
//          that a watcher still remembers are kept beside the new one.
// Errors:  a connection that changes without changing the 64-bit fingerprint of its sighting goes
//          on with its old record until its next change.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/types/span.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "agent/sockets/sample_source.h"
#include "common/sockets/sample_pool.h"

namespace tcpfleet::agent {

class ConnectionTable final : public PollSink {
 public:
  struct Row {
    uint64_t cookie = 0;
    uint64_t network_namespace = 0;
    uint64_t fingerprint = 0;
    std::array<uint32_t, 4> moments_ms{};
    sockets::SampleRef now;     // null: no connection
    sockets::SampleRef before;  // of the poll before, where keep_before and changed in this poll
    // Numbers of polls.
    uint32_t opened_at = 0;
    uint32_t changed_at = 0;    // also when opened or described
    uint32_t described_at = 0;  // its identity; also when opened

    uint32_t seen_in = 0;         // attempt
    bool is_undescribed = false;  // in undescribed_
  };

  ConnectionTable();
  ~ConnectionTable() override;
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  struct PollOptions {
    // The poll asks for what the one before asked for, so what is new now was not there then.
    bool same_request = false;
    bool keep_before = false;
  };
  // One poll: StartPoll, then the source fills the table, then FinishPoll or FailPoll.
  void StartPoll(PollOptions options);
  // Connections not seen in this poll have ended.
  void FinishPoll();
  // Nothing is known of those not seen.
  void FailPoll();

  void Begin(int64_t monotonic_ns) override;
  bool HasRecord(const Sighting& sighting) override;
  bool Take(const Sighting& sighting, const sockets::ConnectionSample& sample) override;

  // Adds what is learned of the connection later; null: not known.
  void Describe(uint32_t slot, std::shared_ptr<const sockets::Process> process,
                std::shared_ptr<const std::string> cgroup);
  // Slots of connections that something could be learned of still; the caller removes those it
  // does not want to see again. Some may be free by now.
  std::vector<uint32_t>& undescribed() { return undescribed_; }
  void AwaitDescriptions();  // puts every connection there
  void SetDescribed(uint32_t slot) { rows_[slot].is_undescribed = false; }

  uint32_t poll() const { return poll_; }
  size_t size() const { return size_; }
  // By slot; a connection keeps its slot.
  absl::Span<const Row> rows() const { return rows_; }
  // Slots that this poll opened, changed or described; some may come twice.
  absl::Span<const uint32_t> changed() const { return changed_; }
  struct Ended {
    uint32_t slot;  // free from the next poll on
    uint32_t opened_at;
    sockets::SampleRef last;
  };
  absl::Span<const Ended> ended() const { return ended_; }

  // The record of the poll before: null when there was none, or it is not known.
  const sockets::ConnectionSample* Before(const Row& row) const {
    if (!has_before_ || row.opened_at == poll_) return nullptr;
    if (row.changed_at != poll_) return row.now.get();
    return row.before.get();
  }
  // Time between that poll and this one.
  int64_t interval_ns() const { return monotonic_ns_ - previous_ns_; }

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // cookie, namespace
  struct SlotHash {
    using is_transparent = void;
    const std::vector<Row>* rows;
    size_t operator()(const Key& key) const { return absl::HashOf(key.first, key.second); }
    size_t operator()(uint32_t slot) const {
      return absl::HashOf((*rows)[slot].cookie, (*rows)[slot].network_namespace);
    }
  };
  struct SlotEqual {
    using is_transparent = void;
    const std::vector<Row>* rows;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t slot, const Key& key) const {
      return (*rows)[slot].cookie == key.first && (*rows)[slot].network_namespace == key.second;
    }
    bool operator()(const Key& key, uint32_t slot) const { return (*this)(slot, key); }
  };

  uint32_t Find(const Sighting& sighting);
  void See(uint32_t slot);
  uint32_t Open(const Sighting& sighting, const sockets::ConnectionSample& sample);
  void Update(uint32_t slot, const sockets::ConnectionSample& sample);
  void Replace(Row& row, sockets::SampleRef record);
  void MarkChanged(uint32_t slot);
  void AwaitDescription(uint32_t slot);

  sockets::SamplePool pool_;
  std::vector<Row> rows_;
  std::vector<uint32_t> free_slots_;
  absl::flat_hash_set<uint32_t, SlotHash, SlotEqual> slots_;
  std::vector<uint32_t> changed_;
  std::vector<Ended> ended_;
  std::vector<uint32_t> undescribed_;
  size_t size_ = 0;
  size_t seen_ = 0;  // in this attempt

  PollOptions options_;
  uint32_t poll_ = 0;
  uint32_t attempt_ = 0;
  // Slots as the last finished poll saw them, and as this attempt does: the kernel lists the
  // sockets that stay in the same order every time.
  std::vector<uint32_t> order_;
  std::vector<uint32_t> new_order_;
  size_t next_ = 0;  // in order_
  int64_t monotonic_ns_ = 0;
  int64_t previous_ns_ = 0;
  bool has_polled_ = false;  // the poll before succeeded
  bool has_before_ = false;
};

}  // namespace tcpfleet::agent
