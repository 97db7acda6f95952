#include "model/core/compute_array.hpp"

#include "model/core/in_memory_array.hpp"

namespace ridgeline::model {

double Parts::total() const {
  double sum = 0;
  for (const Part& part : parts) sum += part.value;
  return sum;
}

double cycles_per_operation(const OperationalArray& array) {
  return array.imc ? serial_passes(*array.imc) : 1;
}

std::variant<Parts, std::string> compute_energy(const Accelerator& accelerator, const Layer& layer,
                                                const SpatialMapping& spatial) {
  if (accelerator.array.imc) return in_memory_energy(accelerator, layer, spatial);
  Parts energy;
  energy.add("mac", accelerator.array.unit_energy * static_cast<double>(layer.mac_count()));
  return energy;
}

double precharge_cost(const Accelerator& accelerator, const Memory& memory) {
  return accelerator.array.imc ? in_memory_precharge(accelerator, memory) : 0;
}

Parts array_area(const Accelerator& accelerator) {
  if (accelerator.array.imc) return in_memory_area(accelerator);
  Parts area;
  area.add("units", accelerator.array.unit_area * static_cast<double>(accelerator.array.units()));
  return area;
}

std::optional<ArrayCircuit> array_circuit(const Accelerator& accelerator) {
  if (!accelerator.array.imc) return std::nullopt;
  return in_memory_circuit(accelerator);
}

std::optional<double> cycle_ns(const Accelerator& accelerator) {
  if (accelerator.clock_ns > 0) return accelerator.clock_ns;
  if (const auto circuit = array_circuit(accelerator)) return circuit->clock.total();
  return std::nullopt;
}

bool skips_operator(const OperationalArray& array, std::string_view operator_type) {
  return array.imc && (operator_type == "Pooling" || operator_type == "Add");
}

}  // namespace ridgeline::model
