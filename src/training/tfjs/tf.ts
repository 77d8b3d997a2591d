/**
 * TensorFlow.js as this folder uses it: quiet. Imported only where a TensorFlow.js model is at hand, since loading it
 * takes a tenth of a second and no ONNX model needs it.
 * @module
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

// its own switch for programs in production: no banner, no hints on the console
tf.env().set('PROD', true);

type Op = (x: tf.Tensor, ...rest: never[]) => tf.Tensor;

// tfjs-layers' orthogonal initializer calls these as methods of tensors, which only the union package adds
const tensor = tf.Tensor.prototype as unknown as Record<string, unknown>;
const methods: Readonly<Record<string, Op>> = {
  flatten: (x) => tf.reshape(x, [x.size]),
  reshape: tf.reshape,
  sign: tf.sign,
  stridedSlice: tf.stridedSlice,
  transpose: tf.transpose,
};
for (const [name, op] of Object.entries(methods))
  tensor[name] ??= function method(this: tf.Tensor, ...rest: never[]) {
    return op(this, ...rest);
  };

export { tf, tfl };
