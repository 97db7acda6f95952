// A single-core accelerator as its document describes it (docs/model.md, section 2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ridgeline::model {

enum class MemoryOperand : std::uint8_t { I1, I2, O };
inline constexpr int kMemoryOperands = 3;
std::string_view to_string(MemoryOperand operand);
std::optional<MemoryOperand> memory_operand(std::string_view name);

// Directions of data as a memory sees them. "High" is away from the array.
enum class Direction : std::uint8_t {
  rd_out_to_low,   // tl
  wr_in_by_low,    // fl
  rd_out_to_high,  // th
  wr_in_by_high,   // fh
};
inline constexpr int kDirections = 4;
std::string_view to_string(Direction direction);   // "rd_out_to_low"
std::string_view short_name(Direction direction);  // "tl"
std::optional<Direction> direction_from_short(std::string_view name);

enum class PortType : std::uint8_t { read, write, read_write };

// What crosses a port goes in requests: of the strict model alone (docs/strict-model.md, 1.6).
struct PortRequests {
  std::int64_t bits = 0;    // that one moves at most; 0: a whole row
  std::int64_t cycles = 0;  // that one takes at least
  std::int64_t burst = 0;   // bits that are only moved together; 0: a word
  double efficiency = 1;    // share of the cycles in which the port moves data, above 0
  std::array<bool, kDirections> of{true, true, true, true};  // directions that go so
  // Loop dimensions, upper case, along which elements of an operand lie together in a row, by
  // MemoryOperand. Absent: a tile is one row.
  std::array<std::optional<std::vector<std::string>>, kMemoryOperands> rows{};
};

struct Port {
  std::string name;
  PortType type = PortType::read_write;
  std::int64_t bandwidth_min = 0;  // bits a cycle: access granularity
  std::int64_t bandwidth_max = 0;  // bits a cycle: word that r_cost and w_cost are for
  std::vector<std::pair<MemoryOperand, Direction>> allocation;
  std::optional<PortRequests> requests{};
};

struct Memory {
  std::string name;
  std::int64_t size = 0;  // bits of one instance
  double r_cost = 0;      // pJ an access of bandwidth_max bits
  double w_cost = 0;
  double area = 0;  // of one instance, in the document's unit
  std::int64_t latency = 1;
  std::string type = "sram";
  bool auto_cost_extraction = false;
  bool force_double_buffering = false;  // no effect in the model, as in the reference
  std::vector<MemoryOperand> operands;  // order matters to the allocator
  std::vector<Port> ports;
  std::vector<int> served_dims;  // places in OperationalArray::dims, document order
  // Each iteration of the loops above loads tiles anew, whether they change or not (strict model).
  bool reloads_tiles = false;
  // Tiles of outputs that it holds at a time at most, so that some come and others go while one is
  // added to (strict model); at least 2.
  int output_buffers = 2;
};

struct ArrayDim {
  std::string name;  // "D1"
  std::int64_t size = 0;
};

// Parameters of an array that computes in memory (docs/in-memory.md).
struct InMemoryCompute {
  bool analog = false;
  std::int64_t activation_precision = 0;
  std::int64_t weight_precision = 0;
  double adc_resolution = 0;
  double bit_serial_precision = 0;
};

struct OperationalArray {
  std::vector<ArrayDim> dims;
  double unit_energy = 0;  // pJ a multiply-accumulate
  double unit_area = 0;    // of one unit
  std::optional<InMemoryCompute> imc;
  // Places in `dims` along which operands move one unit a cycle instead of being broadcast.
  std::vector<int> systolic_dims{};
  // Finished outputs a cycle that an instance of their second memory (of the only one) takes in;
  // 0: any number. Of the strict model alone.
  double post_processing = 0;

  std::int64_t units() const;  // product of the sizes
  int dim_index(std::string_view name) const;
};

struct Unroll {
  std::string dim;  // loop dimension, upper case
  std::int64_t factor = 1;
};
struct ArrayDimUnroll {
  std::string array_dim;  // "D1"
  std::vector<Unroll> unrolls;
};

// Computes element by element, beside the array.
struct VectorUnit {
  std::int64_t lanes = 1;              // elements at the same time
  double operations = 1;               // elementary operations a lane and cycle
  double energy = 0;                   // pJ an elementary operation
  std::vector<std::string> operators;  // ONNX types that it knows; empty: all
};

struct Accelerator {
  std::string name;
  OperationalArray array;
  std::vector<Memory> memories;           // innermost to outermost
  std::vector<ArrayDimUnroll> dataflows;  // a core's own spatial mapping; empty where absent
  std::optional<VectorUnit> vector_unit;
  double clock_ns = 0;     // period of a cycle; 0: not given
  std::string technology;  // as the document says it: "28nm"; empty: not given
  std::string area_unit;   // of all areas: "mm2"; empty: not given

  // Area of the array + sum over memories of area x instances.
  double area() const;
  // Instances of a memory: product of the sizes of the array dimensions it does not serve.
  std::int64_t instances(int memory) const;
};

}  // namespace ridgeline::model
