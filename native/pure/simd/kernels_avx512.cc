// Filled by the kernels of this instruction set; empty on a foreign CPU.
