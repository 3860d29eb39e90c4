#include "common/sockets/opened_rows.h"

#include <absl/strings/str_cat.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "common/base/status_macros.h"
#include "common/sockets/row_table.h"
#include "common/sockets/wire_reader.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {
namespace {

using Rows = v1::OpenedRows;

constexpr size_t kMostEntryBytes = size_t{128} << 10;

template <class... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat("connection frame: ", parts...));
}

template <class Message>
absl::StatusOr<Message> ParseEntry(absl::string_view bytes) {
  Message message;
  if (bytes.size() > kMostEntryBytes ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Bad("not a ", message.GetTypeName(), " of at most ", kMostEntryBytes, " bytes");
  }
  return message;
}

struct Cgroup {
  std::optional<uint64_t> id;
  std::shared_ptr<const std::string> path;
};

class Reader {
 public:
  absl::StatusOr<std::vector<std::pair<uint32_t, ConnectionIdentity>>> Read(
      absl::string_view bytes);

 private:
  struct List {
    absl::string_view deltas;
    bool is_zero = true;
    uint64_t value = 0;
  };
  static constexpr size_t kLists = Rows::kCongestionControlDeltasFieldNumber + 1;

  absl::Status TakeFields(absl::string_view bytes);
  absl::Status AddAddress(absl::string_view bytes);
  absl::Status AddProcess(absl::string_view bytes);
  absl::Status AddCgroup(absl::string_view bytes);
  absl::Status ReadIdentity(ConnectionIdentity& identity);
  absl::StatusOr<base::Endpoint> ReadEndpoint(int address, int port);
  template <class Entry>
  absl::StatusOr<Entry> ReadEntry(int list, const std::vector<Entry>& entries);
  absl::StatusOr<uint64_t> ReadNumber(int list, uint64_t most, absl::string_view what);
  uint64_t Next(int list);

  absl::string_view row_deltas_;
  std::array<List, kLists> lists_;
  std::vector<base::IpAddress> addresses_;
  std::vector<std::shared_ptr<const Process>> processes_;
  std::vector<Cgroup> cgroups_;
  std::vector<std::string> congestion_controls_;
};

absl::Status Reader::TakeFields(absl::string_view bytes) {
  WireReader reader(bytes);
  while (const std::optional<WireReader::Record> record = reader.Next()) {
    if (!record->has_bytes) continue;
    if (record->field == Rows::kRowDeltasFieldNumber) {
      row_deltas_ = record->bytes;
    } else if (record->field < kLists) {
      lists_[record->field] = {record->bytes, record->bytes.empty()};
    } else if (addresses_.size() + processes_.size() + cgroups_.size() +
                   congestion_controls_.size() >=
               4 * kMostRows) {
      return Bad("too many addresses, processes and cgroups");
    } else if (record->field == Rows::kAddressesFieldNumber) {
      TF_RETURN_IF_ERROR(AddAddress(record->bytes));
    } else if (record->field == Rows::kProcessesFieldNumber) {
      TF_RETURN_IF_ERROR(AddProcess(record->bytes));
    } else if (record->field == Rows::kCgroupsFieldNumber) {
      TF_RETURN_IF_ERROR(AddCgroup(record->bytes));
    } else if (record->field == Rows::kCongestionControlsFieldNumber) {
      congestion_controls_.emplace_back(record->bytes);
    }
  }
  return reader.ok() ? absl::OkStatus() : Bad("not a whole OpenedRows message");
}

absl::Status Reader::AddAddress(absl::string_view bytes) {
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::FromBytes(
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  if (!address.ok()) return Bad(address.status().message());
  addresses_.push_back(*address);
  return absl::OkStatus();
}

absl::Status Reader::AddProcess(absl::string_view bytes) {
  TF_ASSIGN_OR_RETURN(const v1::SocketOwner owner, ParseEntry<v1::SocketOwner>(bytes));
  processes_.push_back(std::make_shared<const Process>(
      Process{owner.pid(), owner.start_ticks(), owner.comm(), owner.command_line()}));
  return absl::OkStatus();
}

absl::Status Reader::AddCgroup(absl::string_view bytes) {
  TF_ASSIGN_OR_RETURN(const v1::SocketCgroup cgroup, ParseEntry<v1::SocketCgroup>(bytes));
  Cgroup& entry = cgroups_.emplace_back();
  if (cgroup.has_id()) entry.id = cgroup.id();
  if (!cgroup.path().empty()) entry.path = std::make_shared<const std::string>(cgroup.path());
  return absl::OkStatus();
}

uint64_t Reader::Next(int list) {
  List& from = lists_[static_cast<size_t>(list)];
  if (!from.is_zero) from.value += UnZigzag(*TakeVarint(from.deltas));
  return from.value;
}

absl::StatusOr<uint64_t> Reader::ReadNumber(int list, uint64_t most, absl::string_view what) {
  const uint64_t number = Next(list);
  if (number > most) return Bad(what, " ", number, " is above ", most);
  return number;
}

// Index plus 1; 0 means none.
template <class Entry>
absl::StatusOr<Entry> Reader::ReadEntry(int list, const std::vector<Entry>& entries) {
  const uint64_t index = Next(list);
  if (index > entries.size()) {
    return Bad("entry ", index, " of a list of ", entries.size(), " in field ", list,
               " of the opened rows");
  }
  return index == 0 ? Entry() : entries[index - 1];
}

absl::StatusOr<base::Endpoint> Reader::ReadEndpoint(int address, int port) {
  const uint64_t index = Next(address);
  if (index >= addresses_.size()) return Bad("address ", index, " of ", addresses_.size());
  TF_ASSIGN_OR_RETURN(const uint64_t number, ReadNumber(port, UINT16_MAX, "port"));
  return base::Endpoint{addresses_[index], static_cast<uint16_t>(number)};
}

absl::Status Reader::ReadIdentity(ConnectionIdentity& identity) {
  identity.cookie = Next(Rows::kCookieDeltasFieldNumber);
  identity.network_namespace = Next(Rows::kNetworkNamespaceDeltasFieldNumber);
  TF_ASSIGN_OR_RETURN(identity.local, ReadEndpoint(Rows::kLocalAddressDeltasFieldNumber,
                                                   Rows::kLocalPortDeltasFieldNumber));
  TF_ASSIGN_OR_RETURN(identity.remote, ReadEndpoint(Rows::kRemoteAddressDeltasFieldNumber,
                                                    Rows::kRemotePortDeltasFieldNumber));
  TF_ASSIGN_OR_RETURN(const uint64_t interface,
                      ReadNumber(Rows::kInterfaceDeltasFieldNumber, UINT32_MAX, "interface"));
  identity.interface = static_cast<uint32_t>(interface);
  TF_ASSIGN_OR_RETURN(const uint64_t uid, ReadNumber(Rows::kUidDeltasFieldNumber,
                                                     uint64_t{UINT32_MAX} + 1, "uid plus 1"));
  if (uid != 0) identity.uid = static_cast<uint32_t>(uid - 1);
  identity.inode = Next(Rows::kInodeDeltasFieldNumber);
  TF_ASSIGN_OR_RETURN(identity.process, ReadEntry(Rows::kProcessDeltasFieldNumber, processes_));
  TF_ASSIGN_OR_RETURN(Cgroup cgroup, ReadEntry(Rows::kCgroupDeltasFieldNumber, cgroups_));
  identity.cgroup_id = cgroup.id;
  identity.cgroup = std::move(cgroup.path);
  TF_ASSIGN_OR_RETURN(identity.congestion_control,
                      ReadEntry(Rows::kCongestionControlDeltasFieldNumber, congestion_controls_));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::pair<uint32_t, ConnectionIdentity>>> Reader::Read(
    absl::string_view bytes) {
  TF_RETURN_IF_ERROR(TakeFields(bytes));
  TF_ASSIGN_OR_RETURN(const std::vector<uint32_t> rows, ReadRowDeltas(row_deltas_));
  for (size_t i = 0; i < lists_.size(); ++i) {
    const std::optional<size_t> numbers = CountVarints(lists_[i].deltas);
    if (!lists_[i].is_zero && numbers != rows.size()) {
      return Bad("list ", i, " of the opened rows has ", numbers.value_or(0), " whole numbers for ",
                 rows.size(), " rows");
    }
  }
  std::vector<std::pair<uint32_t, ConnectionIdentity>> opened(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    opened[i].first = rows[i];
    TF_RETURN_IF_ERROR(ReadIdentity(opened[i].second));
  }
  return opened;
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> ReadRowDeltas(absl::string_view bytes) {
  std::vector<uint32_t> rows;
  uint64_t row = 0;
  while (!bytes.empty()) {
    const std::optional<uint64_t> delta = TakeVarint(bytes);
    if (!delta) return Bad("rows end in the middle of a number");
    if (*delta >= kMostRows || row + *delta >= kMostRows) return Bad("a row beyond ", kMostRows);
    if (*delta == 0 && !rows.empty()) return Bad("row ", row, " comes twice");
    row += *delta;
    rows.push_back(static_cast<uint32_t>(row));
  }
  return rows;
}

absl::StatusOr<std::vector<std::pair<uint32_t, ConnectionIdentity>>> ReadOpenedRows(
    absl::string_view bytes) {
  return Reader().Read(bytes);
}

}  // namespace tcpfleet::sockets
