/**
 * TensorFlow.js as this folder uses it: quiet. Imported only where a TensorFlow.js model is at hand, since loading it
 * takes a tenth of a second and no ONNX model needs it.
 * @module
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

// its own switch for programs in production: no banner, no hints on the console
tf.env().set('PROD', true);

export { tf, tfl };
