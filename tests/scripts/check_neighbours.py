#!/usr/bin/python3
"""Small networks of every kind of operator have the multiply-accumulates that follow from their shapes.

Usage: check_neighbours.py RIDGELINE

Each is written here with other shapes, axes, opsets and types than usual: weights behind chains, negative axes,
targets of Reshape that the model computes, functions in functions, branches, grouped queries, batches on second
inputs. `check`, `evaluate` and `schedule` have to agree. What is expected is computed from the shapes, in this file. Exits 77 (skip) without Python's onnx.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnx.numpy_helper
    from onnx import TensorProto as T
    from onnx import helper as h
except ImportError:
    print("skipped: no onnx")
    sys.exit(77)

PROGRAM = sys.argv[1]
FOLDER = tempfile.TemporaryDirectory()
OUT = FOLDER.name + "/"
F = T.FLOAT


cases = []


def vi(n, s, t=F):
    return h.make_tensor_value_info(n, t, s)


def init(n, s, t=F):
    x = onnx.TensorProto(name=n, data_type=t, dims=s, data_location=onnx.TensorProto.EXTERNAL)
    x.external_data.add(key='location', value='gone')
    return x


def const(n, v):
    return onnx.numpy_helper.from_array(np.array(v, dtype=np.int64), n)


def case(name, nodes, ins, outs, inits, macs, opset=17, funcs=(), domains=(), args=()):
    g = h.make_graph(nodes, 'g', ins, outs, inits)
    m = h.make_model(g, opset_imports=[h.make_opsetid('', opset)] + [h.make_opsetid(d,
         1) for d in domains], functions=list(funcs))
    m.ir_version = 8
    onnx.save(m, OUT + name + '.onnx')
    cases.append((name, macs, args))

N = h.make_node
o = [vi('y', None)]

# convolutions
case('conv1d_group_dil', [N('Conv', ['x', 'w'], ['y'], group=4, dilations=[3], strides=[2], pads=[2,
     5])], [vi('x', [2, 16, 50])], o, [init('w', [24, 4, 5])],
     2 * 24 * ((50 + 7 - 13) // 2 + 1) * 4 * 5)
case('conv3d_asym', [N('Conv', ['x', 'w'], ['y'], pads=[0, 1, 2, 1, 0, 0], strides=[1, 2, 2])],
     [vi('x', [1, 6, 8, 15, 16])], o, [init('w', [10, 6, 3, 3, 3])],
     10 * (8 + 1 - 3 + 1) * ((15 + 1 - 3) // 2 + 1) * ((16 + 2 - 3) // 2 + 1) * 6 * 27)
case('conv_same_lower', [N('Conv', ['x', 'w'], ['y'], auto_pad='SAME_LOWER', strides=[3, 2])],
     [vi('x', [1, 8, 20, 21])], o, [init('w', [16, 8, 4, 5])], 16 * 7 * 11 * 8 * 20)
case('conv_dw_mult', [N('Conv', ['x', 'w', 'b'], ['y'], group=8, pads=[0, 1, 2, 3])], [vi('x', [3,
     8, 9, 10])], o, [init('w', [16, 1, 3, 3]), init('b', [16])],
     3 * 16 * (9 + 2 - 2) * (10 + 4 - 2) * 9)
case('convt_group_outpad', [N('ConvTranspose', ['x', 'w'], ['y'], group=2, strides=[2, 2],
     output_padding=[1, 1], pads=[1, 1, 1, 1])], [vi('x', [1, 8, 7, 7])], o, [init('w', [8, 6, 3,
     3])], 8 * 49 * 6 * 9)
case('convt_s1', [N('ConvTranspose', ['x', 'w'], ['y'])], [vi('x', [1, 8, 7, 7])], o, [init('w', [8,
     6, 3, 3])], 1 * 8 * 49 * 6 * 9)
case('convt_1d', [N('ConvTranspose', ['x', 'w'], ['y'], strides=[4])], [vi('x', [2, 8, 9])], o,
     [init('w', [8, 5, 4])], 2 * 8 * 9 * 5 * 4)

# products
case('matmul_4d_bcast', [N('MatMul', ['a', 'b'], ['y'])], [vi('a', [3, 1, 7, 5]), vi('b', [4, 5,
     6])], o, [], 3 * 4 * 7 * 5 * 6)
case('matmul_batch_second', [N('MatMul', ['w', 'b'], ['y'])], [vi('b', [9, 5, 6])], o, [init('w',
     [7, 5])], 9 * 7 * 5 * 6)
case('matmul_rank5', [N('MatMul', ['a', 'b'], ['y'])], [vi('a', [2, 1, 3, 4, 5]), vi('b', [1, 2, 3,
     5, 6])], o, [], 2 * 2 * 3 * 4 * 5 * 6)
case('matmul_vec_left', [N('MatMul', ['a', 'b'], ['y'])], [vi('a', [5]), vi('b', [4, 3, 5, 6])], o,
     [], 12 * 5 * 6)
case('gemm_tt_identity_chain', [N('Identity', ['w'], ['w1']), N('Transpose', ['w1'], ['w2'],
     perm=[1, 0]), N('Identity', ['w2'], ['w3']), N('Gemm', ['x', 'w3', 'b'], ['y'], transA=1,
     transB=0)], [vi('x', [12, 7])], o, [init('w', [20, 12]), init('b', [20])], 7 * 12 * 20)
case('qdq_w_chain', [N('DequantizeLinear', ['w', 's', 'z'], ['w1'], axis=0), N('Transpose', ['w1'],
     ['w2'], perm=[1, 0]), N('MatMul', ['x', 'w2'], ['y'])], [vi('x', [2, 9, 12])], o, [init('w',
     [20, 12], T.INT8), init('s', [20]), init('z', [20], T.INT8)], 2 * 9 * 12 * 20)
case('matmulinteger_3d', [N('MatMulInteger', ['a', 'b', 'za', 'zb'], ['y'])], [vi('a', [4, 6, 8],
     T.UINT8)], [vi('y', None, T.INT32)], [init('b', [8, 10], T.INT8), init('za', [], T.UINT8),
     init('zb', [], T.INT8)], 4 * 6 * 8 * 10)
case('convinteger_group', [N('ConvInteger', ['a', 'b'], ['y'], group=2, pads=[1, 0, 1, 0])],
     [vi('a', [1, 8, 6, 8], T.UINT8)], [vi('y', None, T.INT32)], [init('b', [12, 4, 3, 3],
     T.UINT8)], 12 * 6 * 6 * 4 * 9)
case('qlinearconv_1d', [N('QLinearConv', ['x', 's', 'zx', 'w', 's', 'zw', 's', 'zx'], ['y'],
     pads=[1, 1])], [vi('x', [1, 8, 20], T.UINT8)], [vi('y', None, T.UINT8)], [init('s', []),
     init('zx', [], T.UINT8), init('zw', [], T.INT8), init('w', [12, 8, 3], T.INT8)],
     12 * 20 * 8 * 3)
case('qlinearmatmul_batch', [N('QLinearMatMul', ['x', 's', 'zx', 'b', 's', 'zx', 's', 'zx'],
     ['y'])], [vi('x', [2, 3, 4], T.UINT8), vi('b', [2, 4, 5], T.UINT8)], [vi('y', None, T.UINT8)],
     [init('s', []), init('zx', [], T.UINT8)], 2 * 3 * 4 * 5)
case('einsum_bhqk', [N('Einsum', ['q', 'k'], ['y'], equation='bqhd,bkhd->bhqk')], [vi('q', [2, 5, 3,
     8]), vi('k', [2, 7, 3, 8])], o, [], 2 * 3 * 5 * 7 * 8)
case('einsum_ellipsis', [N('Einsum', ['q', 'k'], ['y'], equation='...ij,jk->...ik')], [vi('q', [2,
     3, 5, 8]), vi('k', [8, 7])], o, [], 6 * 5 * 8 * 7)
case('einsum_implicit', [N('Einsum', ['q', 'k'], ['y'], equation='ij, jk')], [vi('q', [5, 8]),
     vi('k', [8, 7])], o, [], 5 * 8 * 7)

# shapes
case('reshape_dynamic', [N('Shape', ['x'], ['s']), N('Gather', ['s', 'i0'], ['b'], axis=0),
     N('Unsqueeze', ['b', 'ax'], ['b1']), N('Concat', ['b1', 'm1'], ['t'], axis=-1), N('Reshape',
     ['x', 't'], ['f']), N('Gemm', ['f', 'w'], ['y'], transB=1)], [vi('x', ['N', 4, 6, 6])], o,
     [const('i0', 0), const('ax', [0]), const('m1', [-1]), init('w', [10, 144])], 3 * 144 * 10,
     args=('--dim', 'N=3'))
case('shape_start_end', [N('Shape', ['x'], ['s'], start=-2), N('ReduceProd', ['s'], ['p'],
     keepdims=1), N('Concat', ['m1', 'p'], ['t'], axis=0), N('Reshape', ['x', 't'], ['f']),
     N('MatMul', ['f', 'w'], ['y'])], [vi('x', [5, 4, 6])], o, [const('m1', [-1]), init('w', [24,
     3])], 5 * 24 * 3, opset=15)
case('slice_neg_step', [N('Slice', ['x', 'st', 'en', 'ax', 'sp'], ['f']), N('MatMul', ['f', 'w'],
     ['y'])], [vi('x', [5, 10])], o, [const('st', [-1]), const('en', [-99]), const('ax', [-2]),
     const('sp', [-2]), init('w', [10, 3])], 3 * 10 * 3)
case('slice_old', [N('Slice', ['x'], ['f'], starts=[1], ends=[-1], axes=[1]), N('MatMul', ['f',
     'w'], ['y'])], [vi('x', [5, 10])], o, [init('w', [8, 3])], 5 * 8 * 3, opset=9)
case('split_neg', [N('Split', ['x', 'sp'], ['a', 'b'], axis=-1), N('MatMul', ['b', 'w'], ['y'])],
     [vi('x', [5, 10])], o + [vi('a', None)], [const('sp', [3, 7]), init('w', [7, 3])], 5 * 7 * 3)
case('split_num_outputs', [N('Split', ['x'], ['a', 'b', 'c'], axis=-1, num_outputs=3), N('MatMul',
     ['c', 'w'], ['y'])], [vi('x', [5, 10])], o + [vi('a', None), vi('b', None)], [init('w', [2,
     3])], 5 * 2 * 3, opset=18)
case('expand_tile', [N('Tile', ['x', 'r'], ['f']), N('Expand', ['f', 'e'], ['g']), N('MatMul', ['g',
     'w'], ['y'])], [vi('x', [5, 10])], o, [const('r', [2, 1]), const('e', [3, 1, 1]), init('w',
     [10, 3])], 30 * 10 * 3)
case('gather_embed', [N('Gather', ['e', 'i'], ['f'], axis=0), N('MatMul', ['f', 'w'], ['y'])],
     [vi('i', [2, 7], T.INT64)], o, [init('e', [100, 16]), init('w', [16, 3])], 14 * 16 * 3)
case('topk_gathernd', [N('GatherND', ['x', 'i'], ['f'], batch_dims=1), N('MatMul', ['f', 'w'],
     ['y'])], [vi('x', [2, 7, 16]), vi('i', [2, 4, 1], T.INT64)], o, [init('w', [16, 3])],
     8 * 16 * 3)
case('pad_neg_axes', [N('Pad', ['x', 'p', '', 'ax'], ['f']), N('Conv', ['f', 'w'], ['y'])], [vi('x',
     [1, 3, 8, 8])], o, [const('p', [1, 2]), const('ax', [-1]), init('w', [4, 3, 3, 3])],
     4 * 6 * 9 * 27, opset=18)
case('resize_scales', [N('Resize', ['x', '', 'sc'], ['f']), N('Conv', ['f', 'w'], ['y'])], [vi('x',
     [1, 3, 5, 5])], o, [onnx.numpy_helper.from_array(np.array([1, 1, 2, 1.5], np.float32), 'sc'),
     init('w', [4, 3, 3, 3])], 4 * 8 * 5 * 27)
case('squeeze_all', [N('Squeeze', ['x'], ['f']), N('MatMul', ['f', 'w'], ['y'])], [vi('x', [1, 5, 1,
     10])], o, [init('w', [10, 3])], 5 * 10 * 3)
case('depth_to_space', [N('DepthToSpace', ['x'], ['f'], blocksize=2), N('Conv', ['f', 'w'], ['y'])],
     [vi('x', [1, 12, 4, 5])], o, [init('w', [4, 3, 1, 1])], 4 * 8 * 10 * 3)
case('flatten_neg', [N('Flatten', ['x'], ['f'], axis=-2), N('MatMul', ['f', 'w'], ['y'])], [vi('x',
     [2, 3, 4, 5])], o, [init('w', [20, 3])], 6 * 20 * 3)

# nested functions
inner = h.make_function('loc', 'Inner', ['a', 'b'], ['c'], [N('MatMul', ['a', 'b'], ['c'])],
     [h.make_opsetid('', 17)])
outer = h.make_function('loc', 'Outer', ['a', 'b', 'd'], ['e'], [N('Inner', ['a', 'b'], ['t'],
     domain='loc'), N('Relu', ['t'], ['u']), N('Inner', ['u', 'd'], ['e'], domain='loc')],
     [h.make_opsetid('', 17), h.make_opsetid('loc', 1)])
case('nested_functions', [N('Outer', ['x', 'w', 'v'], ['z'], domain='loc'), N('Outer', ['z', 'w2',
     'v2'], ['y'], domain='loc')], [vi('x', [4, 8])], o, [init('w', [8, 16]), init('v', [16, 8]),
     init('w2', [8, 16]), init('v2', [16, 8])], 2 * (4 * 8 * 16 * 2), funcs=[inner, outer],
     domains=['loc'])
fa = h.make_function('loc', 'FC', ['a', 'b'], ['c'], [N('Gemm', ['a', 'b'], ['c'])],
     [h.make_opsetid('', 17)], attributes=['tb'])
ap = onnx.AttributeProto(name='transB', type=onnx.AttributeProto.INT, ref_attr_name='tb')
fa.node[0].attribute.append(ap)
case('function_attribute', [N('FC', ['x', 'w'], ['y'], domain='loc', tb=1)], [vi('x', [4, 8])], o,
     [init('w', [10, 8])], 4 * 8 * 10, funcs=[fa], domains=['loc'])

# If decided by shape
th = h.make_graph([N('MatMul', ['x', 'w'], ['ty'])], 't', [], [vi('ty', None)])
el = h.make_graph([N('MatMul', ['x', 'w2'], ['ey'])], 'e', [], [vi('ey', None)])
case('if_shape', [N('Shape', ['x'], ['s']), N('Gather', ['s', 'i0'], ['b']), N('Equal', ['b',
     'four'], ['c']), N('If', ['c'], ['y'], then_branch=th, else_branch=el)], [vi('x', [4, 8])], o,
     [const('i0', -2), const('four', 4), init('w', [8, 16]), init('w2', [8, 3])], 4 * 8 * 16)
th2 = h.make_graph([N('If', ['nc'], ['ty'], then_branch=h.make_graph([N('MatMul', ['x', 'w'],
     ['q'])], 'q', [], [vi('q', None)]), else_branch=el)], 't2', [], [vi('ty', None)])
case('if_nested', [N('If', ['cc'], ['y'], then_branch=th2, else_branch=el)], [vi('x', [4, 8])], o,
     [onnx.numpy_helper.from_array(np.array(True), 'cc'),
     onnx.numpy_helper.from_array(np.array(False), 'nc'), init('w', [8, 16]), init('w2', [8, 3])],
     4 * 8 * 3)

# attention
ms = 'com.microsoft'
case('gqa_other_heads', [N('GroupQueryAttention', ['q', 'k', 'v', 'pk', 'pv', 'sl', 'tl'], ['y',
     'ok', 'ov'], domain=ms, num_heads=12, kv_num_heads=3)], [vi('q', [2, 5, 192]), vi('k', [2, 5,
     48]), vi('v', [2, 5, 48]), vi('pk', [2, 3, 20, 16]), vi('pv', [2, 3, 20, 16])], o + [vi('ok',
     None), vi('ov', None)], [init('sl', [2, 1], T.INT32), init('tl', [], T.INT32)],
     2 * 12 * 5 * 25 * 16 * 2, domains=[ms])
case('mha', [N('MultiHeadAttention', ['q', 'k', 'v'], ['y'], domain=ms, num_heads=6)], [vi('q', [2,
     5, 48]), vi('k', [2, 9, 48]), vi('v', [2, 9, 48])], o, [], 2 * 2 * 5 * 9 * 48, domains=[ms])
case('attention_packed', [N('Attention', ['x', 'w', 'b'], ['y'], domain=ms, num_heads=4)], [vi('x',
     [2, 10, 32])], o, [init('w', [32, 96]), init('b', [96])],
     2 * 10 * 32 * 96 + 2 * 2 * 10 * 10 * 32, domains=[ms])
case('matmulnbits', [N('MatMulNBits', ['x', 'b', 's'], ['y'], domain=ms, K=64, N=48, bits=4,
     block_size=32)], [vi('x', [2, 5, 64])], o, [init('b', [48, 2, 16], T.UINT8), init('s', [96])],
     10 * 64 * 48, domains=[ms])
case('attention_23_gqa', [N('Attention', ['q', 'k', 'v'], ['y'], q_num_heads=8, kv_num_heads=2)],
     [vi('q', [2, 5, 64]), vi('k', [2, 9, 16]), vi('v', [2, 9, 16])], o, [], 2 * 2 * 5 * 9 * 64,
     opset=23)

# recurrent
case('gru_bi', [N('GRU', ['x', 'w', 'r'], ['y'], hidden_size=16, direction='bidirectional')],
     [vi('x', [7, 2, 10])], o, [init('w', [2, 48, 10]), init('r', [2, 48, 16])],
     2 * 7 * 2 * 48 * (10 + 16))
case('rnn_rev', [N('RNN', ['x', 'w', 'r'], ['y'], hidden_size=16, direction='reverse')], [vi('x',
     [7, 2, 10])], o, [init('w', [1, 16, 10]), init('r', [1, 16, 16])], 7 * 2 * 16 * 26)
case('lstm_layout1', [N('LSTM', ['x', 'w', 'r'], ['y'], hidden_size=16, layout=1)], [vi('x', [2, 7,
     10])], o, [init('w', [1, 64, 10]), init('r', [1, 64, 16])], 7 * 2 * 64 * 26)
case('conv_dyn_batch', [N('Conv', ['x', 'w'], ['y'])], [vi('x', ['batch', 3, 8, 8])], o, [init('w',
     [4, 3, 3, 3])], 4 * 36 * 27)
case('unnamed_batch', [N('MatMul', ['x', 'w'], ['y'])], [vi('x', [None, 7, 8])], o, [init('w', [8,
     4])], 5 * 7 * 8 * 4, args=('--dim', 'x:0=5'))
case('fp16_conv_const_node', [N('Constant', [], ['w'],
     value=onnx.numpy_helper.from_array(np.zeros([4, 3, 3, 3], np.float16))), N('Conv', ['x', 'w'],
     ['y'], kernel_shape=[3, 3])], [vi('x', [1, 3, 8, 8], T.FLOAT16)], [vi('y', None, T.FLOAT16)],
     [], 4 * 36 * 27)
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
COMMANDS = {
    "evaluate": ["-a", EXAMPLES / "accelerators/tpu_like.yaml", "-m", EXAMPLES / "mappings/tpu_like.yaml",
                 "--engine", "loma", "--lpf-limit", "4"],
    "schedule": ["-a", EXAMPLES / "labs/multicore/system.yaml", "--mode", "layer-by-layer", "--lpf-limit", "4",
                 "--search", "ga", "--population", "4", "--generations", "1"],
}
bad = 0
for name, macs, args in cases:
    run = subprocess.run([PROGRAM, "check", *args, OUT + name + ".onnx"], capture_output=True,
                         text=True, check=False)
    found = re.search(r"(\d+) multiply-acc", run.stdout)
    if run.returncode or not found or int(found.group(1)) != macs:
        bad += 1
        print(f"{name}: {macs} expected: {run.stdout}{run.stderr}")
    # What is costed is the same work: every layer has a mapping and its figures.
    for command, options in COMMANDS.items():
        run = subprocess.run([PROGRAM, command, *args, "-w", OUT + name + ".onnx", *map(str, options), "--format",
                              "json", "--quiet"], capture_output=True, text=True, check=False)
        result = json.loads(run.stdout) if run.returncode == 0 else {"layers": []}
        costed = sum(layer["macs"] for layer in result["layers"])
        if run.returncode or costed != macs or not result["latency" if command == "schedule" else "total"]:
            bad += 1
            print(f"{name}, {command}: {macs} expected, {costed} costed: {run.stderr}")
print(f"{len(cases)} networks, {bad} differ")
sys.exit(bad != 0)
